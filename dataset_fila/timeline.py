"""The scenes of a long video: which clip is shown from when to when."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Scene:
    """Clip `video` is shown in [start, end), in seconds from the start of the long video."""

    start: float
    end: float
    caption: str
    video: str
    source: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
