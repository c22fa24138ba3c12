"""The error that stops a conversion, and how errors of other libraries become one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager


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


@contextmanager
def named_errors(name: str) -> Iterator[None]:
    """
    Makes any error of the block a `ConversionError` that names the source.

    The block hands values of the source's files to transformers, tokenizers and torch. Which exception they raise
    depends on the value. Errors that name the source or their file already stay as they are, and so does a lack of
    memory.

    Args:
        name: Folder or Hub id of the source.
    """
    try:
        yield
    except ConversionError as error:
        if name in error.summary:
            raise
        raise ConversionError(f"{name}: {error.summary}", error.details) from error
    except (OSError, MemoryError):
        raise
    except Exception as error:
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise ConversionError(f"{name} cannot be converted: {kind}{error}") from error


def listing(title: str, lines: Sequence[str]) -> str:
    """Returns a line `title (count):` and then every line, indented. Returns an empty string if there are no lines."""
    return f"\n{title} ({len(lines)}):\n" + "\n".join(f"  {line}" for line in lines) if lines else ""
