"""Renames tensors by the prefixes of their names."""

from collections.abc import Mapping


def replace_prefix(name: str, prefixes: Mapping[str, str]) -> str | None:
    """
    Replaces the longest prefix of a name that a table knows.

    Args:
        name: Name of a tensor.
        prefixes: Prefixes, and what replaces them.

    Returns:
        The new name, or None if the name starts with none of the prefixes.
    """
    fitting = [prefix for prefix in prefixes if name.startswith(prefix)]
    if not fitting:
        return None
    prefix = max(fitting, key=len)
    return prefixes[prefix] + name.removeprefix(prefix)


def reversed_prefixes(prefixes: Mapping[str, str]) -> dict[str, str]:
    """
    Returns the table for the opposite direction.

    Raises:
        ValueError: If two prefixes are replaced by the same one.
    """
    result = {new: old for old, new in prefixes.items()}
    if len(result) != len(prefixes):
        raise ValueError(f"{prefixes} cannot be reversed: it replaces two prefixes by the same one.")
    return result
