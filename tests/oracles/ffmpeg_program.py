"""What the ffmpeg and ffprobe programs say about a video: an oracle that shares no code with the reader's own path."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np


SCALE_FLAGS = "bicubic+accurate_rnd+full_chroma_int"


def ffmpeg(*arguments: str | Path) -> bytes:
    """Run ffmpeg quietly, overwriting what it writes; its standard output."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True).stdout


def decode_all(path: Path, size: tuple[int, int], *, stream: int, filters: str = "") -> np.ndarray:
    """Every frame that ffmpeg shows, upright, resized to `size` (height, width): (F, height, width, 3) uint8.

    If the file says that chroma samples lie on the left, an option tells the filter so. Without it, this ffmpeg assumes
    that they are centered. The two fields of an interlaced frame are resized separately.
    """
    height, width = size
    facts = probe_stream(path, stream)
    left = facts.get("chroma_location") == "left" and facts["pix_fmt"].startswith(("yuv420p", "yuvj420p"))
    position = ":in_h_chr_pos=0" if left else ""
    scale = f"scale={width}:{height}:interl=-1:flags={SCALE_FLAGS}{position}"
    chain = ",".join(filter(None, [filters, scale, "format=rgb24"]))
    raw = ffmpeg("-i", path, "-map", f"0:{stream}", "-vf", chain, "-fps_mode", "passthrough", "-f", "rawvideo", "-")
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def join(paths: Sequence[Path], joined: Path, *, seconds: float) -> Path:
    """Plays the first `seconds` of each video one after the other, each fitted into 320 x 180 pixels at 25 fps."""
    inputs = [word for path in paths for word in ("-t", str(seconds), "-i", path)]
    shape = "scale=320:180:force_original_aspect_ratio=decrease,pad=320:180:(ow-iw)/2:(oh-ih)/2,setsar=1,fps=25"
    parts = [f"[{place}:v]{shape},format=yuv420p[{place}]" for place in range(len(paths))]
    chain = "".join(f"[{place}]" for place in range(len(paths))) + f"concat=n={len(paths)}[all]"
    ffmpeg(*inputs, "-filter_complex", ";".join([*parts, chain]), "-map", "[all]", "-c:v", "libx264", joined)
    return joined


def probe_stream(path: Path, stream: int) -> dict:
    return ffprobe(path, stream, "-show_streams")["streams"][0]


def frame_seconds(path: Path, stream: int) -> np.ndarray:
    """When each frame of stream number `stream` is shown, the first at 0."""
    frames = ffprobe(path, stream, "-show_entries", "frame=best_effort_timestamp_time")["frames"]
    times = np.array([float(frame["best_effort_timestamp_time"]) for frame in frames])
    return times - times[0]


def ffprobe(path: Path, stream: int, *arguments: str) -> dict:
    command = ["ffprobe", "-v", "error", "-select_streams", str(stream), *arguments, "-of", "json", str(path)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB; infinite for equal pictures."""
    error = np.mean((first.astype(np.float64) - second.astype(np.float64)) ** 2)
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))
