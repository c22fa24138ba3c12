"""Every error of a conversion names the source, and keeps what it lists."""

import pytest

from fila_video.conversion.errors import ConversionError, named_errors


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            ConversionError("num_scenes=0 must be positive.", "\nlist (1):\n  a"),
            "org/llava: num_scenes=0 must be positive.",
        ),
        (ConversionError("org/llava has no weights."), "org/llava has no weights."),
        (ValueError("bad value"), "org/llava cannot be converted: bad value"),
        (KeyError("model"), "org/llava cannot be converted: KeyError: 'model'"),
    ],
)
def test_an_error_names_the_source_once(error, message):
    with pytest.raises(ConversionError) as caught, named_errors("org/llava"):
        raise error
    assert caught.value.summary == message
    assert caught.value.details == getattr(error, "details", "")


def test_errors_of_files_stay():
    with pytest.raises(FileNotFoundError, match="^config.json$"), named_errors("org/llava"):
        raise FileNotFoundError("config.json")
