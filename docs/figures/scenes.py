"""Draws the pictures of docs/scenes.md: python docs/figures/scenes.py [--output docs/figures]

The video is a minute long and drawn: four scenes of very unequal lengths, and three events of
about a second. The program also prints how many of these seven have a representative.
"""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory


ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "checkpoints" / "fila-video-mini"
SEED = 21


def draw(output: Path, seed: int = SEED) -> None:
    """Writes `contact_sheet.png` and `timeline.png`."""
    # Imported here: `--help` needs none of this.
    import numpy as np
    from transformers import pipeline

    import fila_video
    from fila_video.world.draw_video import draw_video
    from fila_video.world.render_video import render_video
    from fila_video.world.world_options import WorldOptions

    options = WorldOptions(scenes=(4, 4), events=(3, 3), seconds=(60, 60))
    truth = draw_video(np.random.default_rng(seed), options)
    pipe = pipeline("video-text-to-text", model=str(MODEL))
    with TemporaryDirectory() as folder:
        video = Path(folder) / "drawn.mp4"
        render_video(truth, video)
        scenes = fila_video.scenes.of(pipe, video, num_frames=96, num_scenes=12)
    scenes.save(output / "contact_sheet.png")
    scenes.timeline().savefig(output / "timeline.png", dpi=100)
    starts = [scene.start_seconds for scene in truth.scenes]
    for name, frames in (("k-means", scenes.representatives), ("uniform", scenes.uniform)):
        seen = set(np.searchsorted(starts, scenes.frame_seconds[frames], side="right"))
        print(f"{name}: {len(seen)} of the {len(starts)} drawn scenes and events have a representative")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent, help="folder for the pictures")
    draw(parser.parse_args(arguments).output)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
