"""What stops a conversion."""

from collections.abc import Sequence


class ConversionError(ValueError):
    """A checkpoint that cannot be converted, or an option that does not fit it. The message is the whole story."""


def listing(title: str, lines: Sequence[str]) -> str:
    """`title (count):` and every line, indented; nothing where there are no lines."""
    return f"\n{title} ({len(lines)}):\n" + "\n".join(f"  {line}" for line in lines) if lines else ""
