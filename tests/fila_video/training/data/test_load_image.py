"""Images of training data: 16 bits, formats that would start a program, pipes, and broken files."""

import io
import os
import random
import struct

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from fila_video.training.data import load_sample
from fila_video.training.data.load_image import load_image
from fila_video.training.data.load_sample import FrameRates, UnreadableSampleError
from processing_fila import VideoReadError


GRAY = np.arange(12 * 16, dtype=np.uint16).reshape(12, 16)


def test_16_bits_become_the_8_bits_that_they_are_shown_as(tmp_path):
    """A PNG and a PGM of 257 times a gray value show this value: 65535 is white as 255 is."""
    Image.fromarray(GRAY * 257).save(tmp_path / "a.png")
    (tmp_path / "a.pgm").write_bytes(b"P5 16 12 65535\n" + (GRAY * 257).astype(">u2").tobytes())
    for name in ("a.png", "a.pgm"):
        shown = load_image(tmp_path / name)
        assert shown.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(shown), np.repeat(GRAY[..., None], 3, axis=2))


def test_a_picture_in_memory_is_the_picture_in_the_file(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.png")
    for given in (picture, Image.fromarray(picture), tmp_path / "a.png", (tmp_path / "a.png").read_bytes()):
        np.testing.assert_array_equal(np.asarray(load_image(given)), picture)


@pytest.mark.parametrize("values", [np.linspace(0, 1, 12, dtype=np.float32), np.array([-1] * 12, dtype=np.int32)])
def test_values_without_a_known_range_are_refused(values, tmp_path):
    Image.fromarray(values.reshape(3, 4)).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match="whose range is not known|values from -1"):
        load_image(tmp_path / "a.tif")


def test_postscript_starts_no_program(tmp_path, monkeypatch):
    monkeypatch.setattr("subprocess.check_call", lambda *args, **kwargs: pytest.fail(f"started {args}"))
    Image.new("RGB", (8, 8)).save(tmp_path / "a.eps")
    with pytest.raises(UnidentifiedImageError):
        load_image(tmp_path / "a.eps")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(OSError, match=r"a\.png is not a file"):
        load_image(tmp_path / "a.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "PPM"])
def test_a_broken_picture_is_unreadable_whatever_the_decoder_raises(kind, tmp_path, processor):
    whole = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(whole, kind)
    rng = random.Random(kind)
    num_unreadable = 0
    for _ in range(60):
        content = bytearray(whole.getvalue())
        for _ in range(rng.randint(1, 8)):
            content[rng.randrange(len(content) if rng.random() < 0.5 else min(len(content), 60))] = rng.randrange(256)
        (tmp_path / "a").write_bytes(content[: rng.choice([len(content), rng.randrange(1, len(content))])])
        try:
            load("image", str(tmp_path / "a"), processor)
        except UnreadableSampleError as error:
            num_unreadable += 1
            assert str(error).startswith(f"sample 1: {tmp_path / 'a'} cannot be read: ")
    assert num_unreadable > 5


@pytest.mark.parametrize("error", [struct.error, TypeError, IndexError, MemoryError, UnicodeError, VideoReadError])
def test_a_file_may_cause_any_exception(error, processor, monkeypatch):
    raise_in_readers(monkeypatch, processor, error("odd"))
    for kind in ("image", "video"):
        with pytest.raises(UnreadableSampleError, match=r"sample 1: a\.bin cannot be read: .*odd"):
            load(kind, "a.bin", processor)


@pytest.mark.parametrize("error", [ImportError, KeyboardInterrupt, SystemExit])
def test_what_no_file_causes_ends_the_run(error, processor, monkeypatch):
    raise_in_readers(monkeypatch, processor, error("install av"))
    for kind in ("image", "video"):
        with pytest.raises(error):
            load(kind, "a.bin", processor)


def test_a_mistake_of_the_caller_is_not_a_broken_file(processor):
    with pytest.raises(ValueError, match="num_frames=0 must be a whole number above 0"):
        FrameRates(num_frames=0)
    with pytest.raises(ValueError, match="array of frames has 4 dimensions") as caught:
        load("video", np.zeros((3, 4)), processor)
    assert not isinstance(caught.value, UnreadableSampleError)


def load(kind: str, media, processor):
    part = {"type": kind, kind: media}
    return load_sample.load_sample("sample 1", [{"role": "user", "content": [part]}], processor, {"num_frames": 2})


def raise_in_readers(monkeypatch, processor, error: BaseException) -> None:
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(load_sample, "load_image", fail)
    monkeypatch.setattr(type(processor.video_processor), "load_videos", fail)
