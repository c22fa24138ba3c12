"""CPU seconds for reading HDR clips one after another: python -m benchmarks.hdr_reading

Each clip has other pictures and the same size and colors. The first one pays for libswscale's tables of colors.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from processing_fila.reader import read_video
from tests.clips import draw_clip


HDR10 = {"color_trc": 16, "color_primaries": 9, "colorspace": 9, "color_range": 1}


def main() -> int:
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hdr_reading", description=__doc__)
    parser.add_argument("--clips", type=int, default=5, help="number of clips (5)")
    parser.add_argument("--frames", type=int, default=8, help="number of frames to read from each (8)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.clips):
            path = draw_hdr_clip(Path(folder) / f"{number}.mp4", scenes=1 + number % 4)
            started = time.process_time()
            read_video(path, num_frames=options.frames, size=(384, 384))
            print(f"clip {number + 1}: {time.process_time() - started:.2f} CPU seconds", flush=True)
    return 0


def draw_hdr_clip(path: Path, scenes: int) -> Path:
    """Draws a second of HDR video (PQ, BT.2020)."""
    quiet = {"x265-params": "log-level=none"}
    return draw_clip(
        path, scenes=scenes, seconds=1, codec="libx265", pix_fmt="yuv420p10le", color=HDR10, codec_options=quiet
    )


if __name__ == "__main__":
    sys.exit(main())
