"""Clips whose pictures show which clip and which frame they are, so that a long video can be read back frame by frame.

Each frame has two rows of eight black or white blocks: the number of the clip and the position of the frame, in binary.
"""

import json
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from fila_video.dataset.clips.probe import probe_clip
from fila_video.dataset.joining.join_clips import ClipToJoin
from tests.oracles import ffmpeg_program as oracle


SIZE = (64, 96)
BITS = 8
WEIGHTS = 1 << np.arange(BITS)[::-1]
# One tick of the clock of all mp4 files that are written here, in seconds.
TICK = 1 / 90000


def draw_coded_frame(clip: int, place: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Returns a frame as (height, width, 3) uint8."""
    bits = np.array(
        [[number >> bit & 1 for bit in range(BITS)[::-1]] for number in (clip, place % 256)], dtype=np.uint8
    )
    blocks = np.kron(bits * 255, np.ones((size[0] // 2, size[1] // BITS), dtype=np.uint8))
    return np.repeat(blocks[..., None], 3, axis=2)


def draw_coded_clip(
    path: Path,
    number: int,
    frame_seconds: Sequence[float] | int,
    *,
    fps: int = 4,
    size: tuple[int, int] = SIZE,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
) -> Path:
    """Writes clip `number` with frames at the times `frame_seconds`, or with this number of frames at `fps`."""
    count = frame_seconds if isinstance(frame_seconds, int) else len(frame_seconds)
    times = [Fraction(place, fps) for place in range(count)] if isinstance(frame_seconds, int) else frame_seconds
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps, options=options or {"preset": "superfast", "bf": "3"})
        stream.height, stream.width, stream.pix_fmt, stream.gop_size = *size, "yuv420p", 30
        if not isinstance(frame_seconds, int):
            stream.codec_context.time_base = Fraction(1, 1000)
        for place, seconds in enumerate(times):
            frame = av.VideoFrame.from_ndarray(draw_coded_frame(number, place, size), format="rgb24")
            frame.time_base = stream.codec_context.time_base or Fraction(1, fps)
            frame.pts = round(Fraction(seconds) / frame.time_base)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def read_back(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Reads the time, the clip and the position in the clip of each frame, (N,) each, with the ffmpeg program."""
    pictures = oracle.decode_all(path, SIZE, stream=0).mean(axis=3)
    blocks = pictures.reshape(-1, 2, SIZE[0] // 2, BITS, SIZE[1] // BITS).mean(axis=(2, 4)) > 128
    clips, places = (blocks[:, row] @ WEIGHTS for row in (0, 1))
    return oracle.frame_seconds(path, 0), clips, places


def container_seconds(path: Path, kind: str = "v") -> float:
    """Returns the length of a stream, in seconds, that ffprobe reads from its header."""
    command = [
        "ffprobe",
        "-v",
        "error",
        "-select_streams",
        f"{kind}:0",
        "-show_entries",
        "stream=duration",
        "-of",
        "csv=p=0",
    ]
    return float(subprocess.run([*command, str(path)], check=True, capture_output=True).stdout)


def planned(path: Path) -> ClipToJoin:
    """Returns a clip with its length, as a plan has it."""
    return ClipToJoin(path, probe_clip(path).seconds)


def check_frames(path: Path, clips: list[tuple[int, list[float], float]]) -> None:
    """Checks that a video has these clips one after the other: number, frame times and length of each."""
    times, numbers, places = read_back(path)
    start, expected = 0.0, []
    for number, seconds, length in clips:
        expected += [(start + second, number, place) for place, second in enumerate(seconds)]
        start += length
    np.testing.assert_array_equal(numbers, [number for _, number, _ in expected])
    np.testing.assert_array_equal(places, [place for *_, place in expected])
    np.testing.assert_allclose(times, [second for second, *_ in expected], atol=TICK)
    assert container_seconds(path) == pytest.approx(start, abs=TICK)


def steady(count: int, fps: int) -> list[float]:
    """Returns the times of frames at a constant rate, in seconds."""
    return [place / fps for place in range(count)]


def number_of(video: str) -> int:
    """Returns the number of a clip: 7 for clip-007.mp4."""
    return int(Path(video).stem.split("-")[1])


def draw_pool(folder: Path, count: int, *, first: int = 0, num_frames: int = 48) -> list[dict[str, str]]:
    """Draws clips of slightly different lengths, 12 to 14 seconds by default. Returns the lines of a caption file."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number in range(first, first + count):
        name = f"clip-{number:03d}.mp4"
        draw_coded_clip(folder / name, number, num_frames + number % 9)
        caption = f"Blocks that say {number}. They are black and white, and below them the frames are counted."
        lines.append({"video": name, "caption": caption, "source": "even" if number % 2 == 0 else "odd"})
    return lines


def write_lines(path: Path, lines: Sequence[dict]) -> Path:
    """Writes JSON lines."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path
