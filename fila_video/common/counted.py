"""Numbers of things in what a program prints."""


def counted(number: int, name: str) -> str:
    """Returns the number with the name in its singular or plural: `1 frame`, `2 frames`."""
    return f"{number} {name}{'' if number == 1 else 's'}"


def were(number: int) -> str:
    """Returns the verb for a number of things: `was` for one, otherwise `were`."""
    return "was" if number == 1 else "were"
