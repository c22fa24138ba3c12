"""The words of a training sample: what the user asks of a long video, and the scenes with their times as the answer.

Section 3.3: each clip is a scene, and its caption gets the scene's timestamps.
"""

import random
import re
from collections.abc import Iterable, Sequence

from processing_fila.timestamps import timestamp_sentence

from .timeline import Scene


VIDEO_TOKEN = "<image>"
# The paper does not give the wording. One is drawn for each video.
REQUESTS = (
    "Describe this video scene by scene, with the start and end of each scene in seconds.",
    "List the scenes of this video in order. Give the times in seconds between which each is shown, and its content.",
    "What happens in this video? Go through its scenes one after the other, each with its start and end in seconds.",
    "Give a detailed account of this video, divided into scenes with timestamps in seconds.",
    "Break this video down into its scenes: from which second to which second does each last, and what does it show?",
)
SCENE_LINE = re.compile(r"^(\d+(?:\.\d+)?) - (\d+(?:\.\d+)?): (.*)$", re.MULTILINE)


def request(video_id: str, seed: int) -> str:
    """The wording for this video: the same for the same seed."""
    return random.Random(f"fila-request {seed} {video_id}").choice(REQUESTS)


def user_turn(question: str, frame_seconds: Sequence[float] | None, duration_seconds: float) -> str:
    """What the user says: the video, the processor's sentence on sampled frames (None: no sentence), the question."""
    if frame_seconds is None:
        return f"{VIDEO_TOKEN}\n{question}"
    return f"{VIDEO_TOKEN}\n{timestamp_sentence(frame_seconds, duration_seconds)}\n{question}"


def scene_times(scene: Scene) -> str:
    """`start - end` in seconds. Two decimals: a hundredth is less than half a frame, a tenth would be more."""
    return f"{scene.start:.2f} - {scene.end:.2f}"


def answer(scenes: Iterable[Scene]) -> str:
    """A line for each scene: `start - end: caption`."""
    return "\n".join(f"{scene_times(scene)}: {scene.caption}" for scene in scenes)


def read_answer(text: str) -> list[tuple[float, float, str]]:
    """The scenes of an answer, as (start, end, caption)."""
    return [(float(start), float(end), caption) for start, end, caption in SCENE_LINE.findall(text)]
