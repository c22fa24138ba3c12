"""Shows the scenes of an answer: a small picture of each, which is a button that takes the player there."""

import base64
import html
import io
from typing import Any

from PIL import Image

from .video_checks import CheckedVideo


PICTURE_HEIGHT = 90  # pixels
MAX_PICTURE_WIDTH = 240


def read_pictures(video: CheckedVideo, num_frames: int, video_processor: Any) -> dict[float, Image.Image]:
    """Reads the frames that the model samples, small and in their own proportions, by their times in seconds."""
    width = min(max(round(PICTURE_HEIGHT * video.width / video.height), 16), MAX_PICTURE_WIDTH)
    size = {"height": PICTURE_HEIGHT, "width": width}
    (loaded,) = video_processor.load_videos(str(video.path), num_frames=num_frames, size=size)
    return {
        seconds: Image.fromarray(frame)
        for seconds, frame in zip(loaded.metadata.timestamps, loaded.frames.numpy(), strict=True)
    }


def describe(video: CheckedVideo) -> str:
    """Says as HTML that a video has been accepted, and what will stand in the place of this sentence."""
    duration = shown_time(video.duration_seconds)
    return f'<p class="caption">The video lasts {duration}. The scenes that an answer rests on appear here.</p>'


def draw_strip(scenes: list[dict[str, Any]], pictures: dict[float, Image.Image]) -> str:
    """
    Writes the scenes as HTML, without any file or address: the pictures are part of it.

    Args:
        scenes: The scenes of an answer, with `representative_seconds`.
        pictures: A picture for each time at which a scene can be represented.
    """
    buttons = [_button(scene["representative_seconds"], pictures) for scene in scenes]
    count = f"{len(scenes)} scenes" if len(scenes) != 1 else "1 scene"
    return (
        f'<p class="caption">The answer rests on {count}. Choose one to see it in the video.</p>'
        f'<div class="strip" role="group" aria-label="Scenes">{"".join(buttons)}</div>'
    )


def _button(seconds: float, pictures: dict[float, Image.Image]) -> str:
    picture = pictures[min(pictures, key=lambda time: abs(time - seconds))]
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=80)
    source = f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
    time = html.escape(shown_time(seconds))
    return (
        f'<button type="button" class="scene" data-seconds="{seconds:.3f}" aria-label="Go to {time}">'
        f'<img src="{source}" alt=""><span>{time}</span></button>'
    )


def shown_time(seconds: float) -> str:
    """A time as players show it: 1:02.5 for 62.5 seconds."""
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths % 600 // 10:02d}.{tenths % 10}"
