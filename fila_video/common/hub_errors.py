"""What a program sees when the Hub cannot be reached."""

from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError


# The error of the HTTP library, which is httpx before huggingface_hub 2 and httpx2 since.
HTTPError: type[Exception] = next(
    base for base in HfHubHTTPError.__bases__ if issubclass(base, Exception) and not issubclass(base, OSError)
)


@contextmanager
def connection_errors() -> Iterator[None]:
    """
    Makes a `ConnectionError` of the HTTP library's errors inside of the block. What the Hub answers stays as it is.

    A `ConnectionError` is an `OSError`, as huggingface_hub's errors are; those of its HTTP library are not.

    Raises:
        ConnectionError: If no answer comes. The message names the Hub.
    """
    try:
        yield
    except HfHubHTTPError:
        raise
    except HTTPError as error:
        raise ConnectionError(f"{constants.ENDPOINT} cannot be reached: {error}") from error
