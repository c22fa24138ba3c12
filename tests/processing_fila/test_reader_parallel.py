"""Decoders run ahead of the caller, but not without limit."""

import time

import pytest

from processing_fila import reader
from processing_fila.reader import VideoReader
from processing_fila.reader_picture import FramePainter
from tests.clips import draw_clip


@pytest.mark.parametrize("num_decoders", [1, 3])
def test_a_slow_caller_does_not_fill_memory(tmp_path, monkeypatch, num_decoders):
    """80 frames in 40 groups of pictures, and room for 4: those, and at most 4 more of each decoder's segment."""
    monkeypatch.setattr(reader, "LOOKAHEAD_BYTES", 4 * 64 * 96 * 3)
    painted, paint = [], FramePainter.paint
    monkeypatch.setattr(FramePainter, "paint", lambda *args: painted.append(1) or paint(*args))
    path = draw_clip(tmp_path / "clip.mp4", seconds=8, fps=10, gop_size=2)
    with VideoReader(path, num_decoders=num_decoders) as video:
        seconds = []
        for _, second in video.frames_at(range(80)):
            seconds.append(second)
            if len(seconds) in (1, 20):
                time.sleep(0.3)
                assert len(painted) <= len(seconds) + 4 + num_decoders * 4
    assert seconds == sorted(seconds) and len(seconds) == 80
