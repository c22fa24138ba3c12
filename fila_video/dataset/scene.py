"""A scene of a long video: which clip is shown, and from when to when."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Scene:
    """A clip within a long video.

    Args:
        start: Start of the scene, in seconds from the start of the long video.
        end: End of the scene, in seconds. It is not part of the scene.
        caption: Caption of the clip, in one line.
        video: Path of the clip below the video root.
        source: Collection that the clip comes from.
    """

    start: float
    end: float
    caption: str
    video: str
    source: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
