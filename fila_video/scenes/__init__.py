"""Pictures of what the model selected: which moments of a video an answer rests on.

    scenes = fila_video.scenes.of(pipe, "clip.mp4")
    scenes                       # in a notebook: the contact sheet
    scenes.save("out.html")      # or .png, .json

Reading order: `look_at_video` finds the scenes, and `selected_scenes` holds them. `video_scenes` draws them with
`contact_sheet` (Pillow), `page` (HTML, with `charts` in SVG) and `figures` (matplotlib). `timeline_layout`, `colors`,
`clock` and `encoded_images` serve these.

A name is loaded when it is first used, so importing this package alone costs nothing.
"""

from importlib import import_module
from typing import Any


# Where each public name is defined.
_FILES = {"Scene": "selected_scenes", "VideoScenes": "video_scenes", "of": "look_at_video"}

__all__ = list(_FILES)


def __getattr__(name: str) -> Any:
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_FILES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
