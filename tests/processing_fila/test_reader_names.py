"""What messages call a video."""

import pytest

from processing_fila.reader import VideoReader, VideoReadError
from processing_fila.reader_names import shown_name


@pytest.mark.parametrize(
    ("video", "name"),
    [
        ("clip.mp4", "clip.mp4"),
        ("/data/a?b#c@d.mp4", "/data/a?b#c@d.mp4"),
        ("C:\\clips\\a.mp4", "C:\\clips\\a.mp4"),
        ("https://example.org/a.mp4", "https://example.org/a.mp4"),
        ("https://example.org:8443/@user/a.mp4", "https://example.org:8443/@user/a.mp4"),
        ("https://user:word@example.org/a.mp4", "https://example.org/a.mp4"),
        ("https://user:w@rd@[::1]:80/a.mp4", "https://[::1]:80/a.mp4"),
        ("https://example.org/a.mp4?X-Amz-Signature=secret", "https://example.org/a.mp4?..."),
        ("https://example.org/a.mp4#secret", "https://example.org/a.mp4?..."),
        ("https://example.org?token=secret", "https://example.org?..."),
        ("HTTP://user:pass/word@host/a.mp4", "HTTP://..."),
        ("s3+http://user@bucket/a\nb?c", "s3+http://bucket/a\nb?..."),
        ("data:video/mp4;base64," + "A" * 1000, "data:video/mp4;base64,..."),
    ],
)
def test_names(video, name):
    assert shown_name(video) == name


@pytest.mark.parametrize("video", ["a" * 2_300_000, "data:" + "a" * 2_300_000, "https://" + "a" * 2_300_000])
def test_a_long_name_is_cut(video):
    assert len(shown_name(video)) < 310


@pytest.mark.parametrize(
    "video",
    [
        "A" * 2_300_000,  # base64 without the start of a data URL
        "data:video/mp4;base64," + "A" * 2_300_000,
        "data:video/mp4;base64," + "?" * 2_300_000,
        "data:" + "A" * 2_300_000,
        "DATA:video/mp4," + "A" * 2_300_000,
    ],
    ids=lambda video: video[:25],
)
def test_messages_are_short(video):
    with pytest.raises(VideoReadError) as error:
        VideoReader(video)
    assert len(str(error.value)) < 500


def test_the_scheme_is_refused_without_the_rest():
    with pytest.raises(ValueError) as error:
        VideoReader("ftp://user:word@example.org/a.mp4?token=secret" + "A" * 100_000)
    assert str(error.value) == ("The URL of a video must be http or https, got 'ftp' in 'ftp://example.org/a.mp4?...'.")


@pytest.mark.parametrize("video", [b"no video", "data:video/mp4;base64,?", "http://127.0.0.1:9/a.mp4", "http://["])
def test_an_error_shows_one_traceback(video):
    """The message holds the cause, so that the errors of PyAV and of the connection add nothing."""
    with pytest.raises(VideoReadError) as error:
        VideoReader(video)
    assert error.value.__suppress_context__ and error.value.__cause__ is None
