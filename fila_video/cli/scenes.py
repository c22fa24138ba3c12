"""fila-video scenes: what the model selects from a video."""

from pathlib import Path
from typing import Annotated

import typer

from .answering import find_scenes
from .load_model import load_pipeline
from .options import ModelOptions, VideoOptions, with_shared_options
from .requests import check_exists
from .show import note, print_scene_table, silence_warnings, waiting
from .usage import BadUsage


PROGRAM = "fila-video scenes"
SUFFIXES = (".html", ".png", ".json")


@with_shared_options
def scenes(
    video: Annotated[str, typer.Argument(hidden=True, metavar="VIDEO")],
    model: ModelOptions,
    frames: VideoOptions,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="File to write: .html is a page with the frames of each scene, .png a picture of them, .json their "
            "times. Without it, the times are printed.",
        ),
    ] = None,
) -> None:
    """
    Show which scenes the model selects from a video.

    The VIDEO is a file or a URL. No question is needed.

    Example: fila-video scenes clip.mp4 -o scenes.html
    """
    if output is not None and output.suffix.lower() not in SUFFIXES:
        raise BadUsage(f"--output {output} must end with {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}.")
    check_exists(video)
    silence_warnings(PROGRAM)
    pipe = load_pipeline(PROGRAM, model, scene_merging=frames.scene_merging)
    if output is not None:
        with waiting(f"Reading {video}"):
            from fila_video.scenes import of  # loads what draws pictures

            of(pipe, video, **frames.given()).save(output)
        note(PROGRAM, f"Wrote {output}")
        return
    with waiting(f"Reading {video}"):
        found = find_scenes(pipe, video, **frames.given())
    print_scene_table(found)
