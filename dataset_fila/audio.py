"""The sound of a clip in the common format: as long as its pictures, in step with them."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from .probe import open_clip


RATE = 48000
FRAME_SAMPLES = 1024


def encode_audio(stream, clip: Path, seconds: float) -> Iterator["av.Packet"]:
    """AAC packets of a clip's sound, from the first frame shown on, `seconds` long; silence where it has none."""
    samples = read_samples(clip, round(seconds * RATE))
    for start in range(0, samples.shape[1], FRAME_SAMPLES):
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples[:, start : start + FRAME_SAMPLES]), format="fltp", layout="stereo"
        )
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def read_samples(clip: Path, count: int) -> np.ndarray:
    """(2, count) float32 at 48 kHz, sample 0 at the time of the first frame shown."""
    samples = np.zeros((2, count), dtype=np.float32)
    with open_clip(clip) as container:
        if not container.streams.audio:
            return samples
        first_shown = _first_shown(container)
        container.seek(0)
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE)
        for frame in container.decode(container.streams.audio[0]):
            for part in resampler.resample(frame):
                _place(samples, part.to_ndarray(), round((part.pts * part.time_base - first_shown) * RATE))
    return samples


def _first_shown(container) -> Fraction:
    """When the first frame is shown, in seconds of the container's clock."""
    stream = container.streams.best("video")
    times = [
        packet.pts
        for packet in container.demux(stream)
        if packet.size and packet.pts is not None and not packet.is_discard
    ]
    return min(times, default=0) * stream.time_base


def _place(samples: np.ndarray, part: np.ndarray, start: int) -> None:
    """Write what of `part`, which begins at sample `start`, lies inside `samples`."""
    skipped = max(-start, 0)
    target = samples[:, max(start, 0) : max(start + part.shape[1], 0)]
    target[:] = part[:, skipped : skipped + target.shape[1]]
