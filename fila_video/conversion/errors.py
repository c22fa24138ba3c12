"""The error that stops a conversion."""

from collections.abc import Sequence


class ConversionError(ValueError):
    """
    A checkpoint that cannot be converted, or an option that does not fit it. The message is `summary + details`.

    Args:
        summary: One sentence that says what is wrong and names the value.
        details: Lists of tensors, made by `listing`; may be empty.
    """

    def __init__(self, summary: str, details: str = ""):
        super().__init__(summary + details)
        self.summary = summary
        self.details = details


def listing(title: str, lines: Sequence[str]) -> str:
    """Returns a line `title (count):` and then every line, indented. Returns an empty string if there are no lines."""
    return f"\n{title} ({len(lines)}):\n" + "\n".join(f"  {line}" for line in lines) if lines else ""
