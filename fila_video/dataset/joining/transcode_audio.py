"""Encodes the sound of a clip in the common format: as long as its pictures, and in sync with them."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ..clips.open_clip import BadClipError, open_clip, video_stream


RATE = 48000
FRAME_SAMPLES = 1024


def encode_audio(stream: "av.AudioStream", clip: Path, seconds: float) -> Iterator["av.Packet"]:
    """Yields AAC packets of a clip's sound, which begins at the first frame shown. Gaps are filled with silence.

    Args:
        stream: Output stream that encodes the sound.
        clip: The clip.
        seconds: Length of the sound, which is the length of the pictures.
    """
    samples = read_samples(clip, round(seconds * RATE))
    for start in range(0, samples.shape[1], FRAME_SAMPLES):
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples[:, start : start + FRAME_SAMPLES]), format="fltp", layout="stereo"
        )
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def read_samples(clip: Path, count: int) -> np.ndarray:
    """Reads the sound of a clip as (2, count) float32 at 48 kHz. Sample 0 is at the time of the first frame shown."""
    samples = np.zeros((2, count), dtype=np.float32)
    with open_clip(clip) as container:
        if not container.streams.audio:
            return samples
        if container.streams.audio[0].codec_context is None:
            raise BadClipError("has sound with an unknown codec")
        first_shown = _first_shown(container)
        container.seek(0)
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE)
        for frame in container.decode(container.streams.audio[0]):
            for part in resampler.resample(frame):
                assert part.pts is not None and part.time_base is not None, "the resampler sets times"
                _place(samples, part.to_ndarray(), round((part.pts * part.time_base - first_shown) * RATE))
    return samples


def _first_shown(container: "av.container.InputContainer") -> Fraction:
    """Returns the time of the first frame shown, in seconds of the container's clock."""
    stream = video_stream(container)
    times = [
        packet.pts
        for packet in container.demux(stream)
        if packet.size and packet.pts is not None and not packet.is_discard
    ]
    assert stream.time_base is not None, "streams of files have a clock"
    return min(times, default=0) * stream.time_base


def _place(samples: np.ndarray, part: np.ndarray, start: int) -> None:
    """Copies `part`, which begins at sample `start`, into `samples`. What lies outside of `samples` is dropped."""
    skipped = max(-start, 0)
    target = samples[:, max(start, 0) : max(start + part.shape[1], 0)]
    target[:] = part[:, skipped : skipped + target.shape[1]]
