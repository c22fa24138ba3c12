"""The text of a caption sample: a request for a description, and an answer that lists the scenes with their times.

Each clip is a scene, and its caption gets the scene's timestamps (section 3.3 of the paper).
"""

import random
import re
from collections.abc import Iterable, Sequence

from processing_fila.timestamps import timestamp_sentence

from ..scene import Scene


VIDEO_TOKEN = "<image>"
# The paper does not give the wording. One of these requests is drawn for each video.
REQUESTS = (
    "Describe this video scene by scene, with the start and end of each scene in seconds.",
    "List the scenes of this video in order. Give the times in seconds between which each is shown, and its content.",
    "What happens in this video? Go through its scenes one after the other, each with its start and end in seconds.",
    "Give a detailed account of this video, divided into scenes with timestamps in seconds.",
    "Break this video down into its scenes: from which second to which second does each last, and what does it show?",
)
SCENE_LINE = re.compile(r"^(\d+(?:\.\d+)?) - (\d+(?:\.\d+)?): (.*)$", re.MULTILINE)


def request(video_id: str, seed: int) -> str:
    """Draws the request for a video. It depends only on the video and the seed."""
    return random.Random(f"fila-request {seed} {video_id}").choice(REQUESTS)


def user_turn(question: str, frame_seconds: Sequence[float] | None, duration_seconds: float) -> str:
    """Returns the user's turn: the video token, the sentence about the sampled frames, and the question.

    Args:
        question: The question or request.
        frame_seconds: Times of the sampled frames, for the sentence that FiLA-Video's processor would write; None for
            no sentence.
        duration_seconds: Length of the video.
    """
    if frame_seconds is None:
        return f"{VIDEO_TOKEN}\n{question}"
    return f"{VIDEO_TOKEN}\n{timestamp_sentence(frame_seconds, duration_seconds)}\n{question}"


def scene_times(scene: Scene) -> str:
    """Returns `start - end` in seconds with two decimals: 0.01 s is less than half a frame, but 0.1 s is more."""
    return f"{scene.start:.2f} - {scene.end:.2f}"


def answer(scenes: Iterable[Scene]) -> str:
    """Returns one line for each scene: `start - end: caption`."""
    return "\n".join(f"{scene_times(scene)}: {scene.caption}" for scene in scenes)


def read_answer(text: str) -> list[tuple[float, float, str]]:
    """Reads the scenes of an answer, as (start, end, caption), with times in seconds."""
    return [(float(start), float(end), caption) for start, end, caption in SCENE_LINE.findall(text)]
