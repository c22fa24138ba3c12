"""python -m fila_video.serving.draw_examples: draws the example videos of the web page, in fila_video/serving/web."""

import argparse
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from fila_video.world.draw_frame import SIDE, draw_frame
from fila_video.world.ground_truth import FRAMES_PER_SECOND, Video
from fila_video.world.render_video import OPTIONS
from fila_video.world.splits import draw_sample
from fila_video.world.video_kinds import EVENTS, USUAL


FOLDER = Path(__file__).parent / "web"
SEED = 2026  # different from the seed of the videos that the model was measured on
# For each file, the number of the video and its kind.
EXAMPLES = {"example_short.mp4": (8, USUAL), "example_long.mp4": (3, EVENTS)}
ENLARGEMENT = 5  # the world is drawn with few pixels, which a browser would blur


def draw_examples(folder: Path = FOLDER) -> None:
    """Writes the example videos into a folder. The same version of PyAV always gives the same files."""
    for name, (number, kind) in EXAMPLES.items():
        _write(draw_sample("test", number, num_questions=1, options=kind, seed=SEED)[0], folder / name)


def _write(video: Video, path: Path) -> None:
    with open(path, "wb") as file, av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options={**OPTIONS, "crf": "30"})
        stream.width, stream.height, stream.pix_fmt = ENLARGEMENT * SIDE, ENLARGEMENT * SIDE, "yuv420p"
        for number in range(round(video.duration_seconds * FRAMES_PER_SECOND)):
            small = draw_frame(video, number / FRAMES_PER_SECOND)
            frame = av.VideoFrame.from_ndarray(np.kron(small, np.ones((ENLARGEMENT, ENLARGEMENT, 1), np.uint8)))
            frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_SECOND)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", default=FOLDER, type=Path, help="folder for the videos")
    draw_examples(parser.parse_args().output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
