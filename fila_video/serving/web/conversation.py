"""What the server keeps for a visitor: the video, what was said about it, and the pictures of its scenes."""

import threading
from pathlib import Path
from typing import Any

from PIL import Image

from .scene_strip import read_pictures
from .video_checks import CheckedVideo


class Conversation:
    """
    A conversation about one video. Gradio keeps it on the server; a browser can neither read nor write it.

    Attributes:
        video: The video.
        subtitles: The subtitle file, or None.
        messages: The conversation in the form of the chat template.
        is_closed: Whether the visitor has taken another video or begun again.
    """

    def __init__(self, video: CheckedVideo, subtitles: Path | None = None):
        self.video = video
        self.subtitles = subtitles
        self.messages: list[dict[str, Any]] = []
        self.is_closed = False
        self.stop = threading.Event()
        self._pictures: dict[int, dict[float, Image.Image]] = {}

    @property
    def num_questions(self) -> int:
        return sum(message["role"] == "user" for message in self.messages)

    @property
    def shown(self) -> list[dict[str, str]]:
        """The messages as the page shows them."""
        return [{"role": turn["role"], "content": turn["content"][-1]["text"]} for turn in self.messages]

    def with_question(self, question: str) -> list[dict[str, Any]]:
        """The messages and a new question. The video and its subtitles are part of the first one."""
        part = {"type": "video", "video": str(self.video.path)}
        if self.subtitles is not None:
            part["subtitles"] = str(self.subtitles)
        content = [] if self.messages else [part]
        return [*self.messages, {"role": "user", "content": [*content, {"type": "text", "text": question}]}]

    def add(self, question: str, answer: str) -> None:
        """Adds a question and its answer."""
        messages = self.with_question(question)
        self.messages = [*messages, {"role": "assistant", "content": [{"type": "text", "text": answer}]}]

    def begin_again(self) -> "Conversation":
        """Closes this conversation, and returns a new one about the same video with its subtitles."""
        return self.begin_with(self.subtitles)

    def begin_with(self, subtitles: Path | None) -> "Conversation":
        """Closes this conversation, and returns a new one about the same video with other subtitles."""
        self.close()
        again = Conversation(self.video, subtitles)
        again._pictures = self._pictures
        return again

    @property
    def files(self) -> list[Path]:
        """The files that the conversation needs."""
        return [self.video.path, *([] if self.subtitles is None else [self.subtitles])]

    def close(self) -> None:
        """Ends an answer that is being generated; nothing of it is shown any more."""
        self.is_closed = True
        self.stop.set()

    def pictures(self, num_frames: int, video_processor: Any) -> dict[float, Image.Image]:
        """Small pictures of the sampled frames, by their times in seconds. They are read once."""
        if num_frames not in self._pictures:
            self._pictures = {num_frames: read_pictures(self.video, num_frames, video_processor)}
        return self._pictures[num_frames]
