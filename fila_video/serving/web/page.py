"""The page: what a visitor sees, and what happens when something is clicked.

Every function here that Gradio calls gives new values for some parts of the page, by part.
"""

import html
import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from .answering import control_token_in, stream_answer
from .conversation import Conversation
from .failures import alert, reason_of
from .scene_strip import describe, draw_strip
from .subtitle_checks import SUFFIXES, can_read_subtitles, check_subtitles
from .video_checks import Limits, RefusedVideoError, check_video


TITLE = "FiLA-Video"
INTRODUCTION = "Ask a question about a video, and see which scenes the answer rests on."
EMPTY_STRIP = '<p class="caption">The scenes that an answer rests on appear here.</p>'
LINES_WERE_READ = (
    '<p class="caption">{} subtitles were read. If they are too many for the model, some are left out evenly.</p>'
)
WAITING = "…"
SELECTIONS = [("By content (k-means)", "kmeans"), ("Evenly spaced", "uniform"), ("Bipartite matching", "bsm")]
SUPPLEMENTS = [("Similar frames", "similar"), ("Different frames", "dissimilar")]

Changes = dict[Any, Any]
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Example:
    """A video that a visitor can try, with a question about it."""

    label: str
    path: Path
    question: str


class Page:
    """
    The page of one model.

    Args:
        pipe: Pipeline of the model.
        limits: What a visitor may ask for.
        examples: Videos to try.
        note: Sentence about the model under the title; empty for none.

    Attributes:
        blocks: The page as Gradio's `Blocks`.
    """

    def __init__(self, pipe: Any, limits: Limits, examples: list[Example], note: str = ""):
        self._pipe = pipe
        self._limits = limits
        self._examples = examples
        with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(600, limits.keep_seconds)) as self.blocks:
            self._conversation = gr.State(None)
            self._draw_title(note)
            with gr.Row(elem_id="columns"):
                with gr.Column(min_width=320):
                    self._draw_video()
                with gr.Column(min_width=320):
                    self._draw_chat()
            self._connect()

    # ------------------------------------------------------------------------------------------------------ layout

    def _draw_title(self, note: str) -> None:
        minutes = self._limits.keep_seconds / 60
        limits = f"Videos: {self._limits.text}. They are deleted after {minutes:g} minutes."
        paragraphs = "".join(f"<p>{html.escape(text)}</p>" for text in (INTRODUCTION, note, limits) if text)
        gr.HTML(f"<h1>{TITLE}</h1>{paragraphs}", elem_id="title")

    def _draw_video(self) -> None:
        self._video = gr.Video(
            sources=["upload", "webcam"], label="Video", elem_id="player", height=340, buttons=[], include_audio=True
        )
        with gr.Row(elem_id="examples"):
            self._example_buttons = [gr.Button(example.label, size="sm") for example in self._examples]
        self._subtitles = gr.File(
            label="Subtitles of the video", file_types=list(SUFFIXES), elem_id="subtitles", height=110,
            visible=can_read_subtitles(self._pipe.processor.video_processor),
        )  # fmt: skip
        self._scenes = gr.HTML(EMPTY_STRIP, elem_id="scenes")

    def _draw_chat(self) -> None:
        self._chat = gr.Chatbot(
            label="Conversation", elem_id="chat", height=500, render_markdown=False, buttons=[], layout="bubble",
            feedback_options=None, placeholder="Choose a video, then ask about it.",
        )  # fmt: skip
        self._message = gr.HTML("", elem_id="message")
        with gr.Row(elem_id="ask"):
            self._question = gr.Textbox(
                placeholder="Ask about the video", show_label=False, label="Question", container=False, scale=5,
                max_length=self._limits.max_question_length, min_width=160,
            )  # fmt: skip
            self._send = gr.Button("Ask", variant="primary", scale=1, min_width=80)
            self._stop = gr.Button("Stop", variant="stop", scale=1, min_width=80, visible=False)
        self._draw_settings()
        self._again = gr.Button("Begin again", size="sm", variant="secondary")

    def _draw_settings(self) -> None:
        config, video_processor = self._pipe.model.config, self._pipe.processor.video_processor
        most = self._limits.max_frames
        num_frames = min(video_processor.num_frames or config.num_frames, most)
        can_choose_scenes = config.scene_merging != "none"
        with gr.Accordion("Settings", open=False, elem_id="settings"):
            self._num_frames = gr.Slider(4, most, num_frames, step=1, label="Frames read from the video")
            with gr.Group(visible=can_choose_scenes):
                self._num_scenes = gr.Slider(
                    1, min(most, 128), min(config.num_scenes, 128), step=1, label="Scenes kept of them"
                )
                self._selection = gr.Radio(SELECTIONS, value=config.scene_selection, label="How scenes are chosen")
                self._supplement = gr.Radio(
                    SUPPLEMENTS, value=config.scene_supplement, label="Frames that are merged into a scene"
                )

    def _connect(self) -> None:
        settings = [self._num_frames, self._num_scenes, self._selection, self._supplement]
        video_parts = [self._video, self._conversation, self._chat, self._scenes, self._message, self._question]
        video_parts += [self._subtitles]
        shared = {"api_visibility": "private", "show_progress": "hidden"}
        # One queue, so that a question that is asked at once waits until its video has been opened.
        queued = {"concurrency_limit": 1, "concurrency_id": "model", "show_progress": "minimal"}
        opening = {"api_visibility": "private", "show_progress_on": [self._scenes], **queued}
        gr.on(
            [self._video.upload, self._video.stop_recording], self.open_video, [self._video, self._conversation],
            video_parts, **opening,
        )  # fmt: skip
        self._video.clear(self.forget_video, [self._conversation], video_parts, concurrency_limit=None, **shared)
        self._subtitles.upload(self.open_subtitles, [self._subtitles, self._conversation], video_parts, **opening)
        self._subtitles.clear(
            self.forget_subtitles, [self._conversation], video_parts, concurrency_limit=None, **shared
        )
        for example, button in zip(self._examples, self._example_buttons, strict=True):
            button.click(
                lambda conversation, example=example: self.open_example(example, conversation), [self._conversation],
                video_parts, **opening,
            )  # fmt: skip
        gr.on(
            [self._question.submit, self._send.click], self.ask,
            [self._question, self._video, self._subtitles, self._conversation, *settings],
            [self._chat, self._question, self._scenes, self._message, self._send, self._stop],
            api_visibility="private", show_progress_on=[self._chat], **queued,
        )  # fmt: skip
        self._stop.click(self.stop, [self._conversation], None, concurrency_limit=None, **shared)
        gr.on(
            [self._again.click, self._chat.clear], self.begin_again, [self._conversation], video_parts,
            concurrency_limit=None, **shared,
        )  # fmt: skip

    # ------------------------------------------------------------------------------------------------------ events

    def open_video(self, path: str | None, conversation: Conversation | None) -> Changes:
        """A video was uploaded or recorded."""
        changes = self.forget_video(conversation)
        if path is None:
            return changes
        try:
            video = check_video(Path(path), self._limits, self._pipe.processor.video_processor)
        except RefusedVideoError as error:
            return {**changes, self._video: None, self._message: alert(str(error))}
        except Exception:
            logger.exception("A video could not be opened.")
            return {**changes, self._video: None, self._message: alert("The video cannot be opened.")}
        return {**changes, self._conversation: Conversation(video), self._scenes: describe(video)}

    def open_example(self, example: Example, conversation: Conversation | None) -> Changes:
        """An example was chosen."""
        changes = {**self.open_video(str(example.path), conversation), self._question: example.question}
        return {self._video: str(example.path), **changes}

    def forget_video(self, conversation: Conversation | None) -> Changes:
        """The video was taken away."""
        if conversation is not None:
            conversation.close()
        emptied: Changes = {self._conversation: None, self._chat: [], self._scenes: EMPTY_STRIP, self._message: ""}
        return {**emptied, self._subtitles: None}

    def open_subtitles(self, path: str | None, conversation: Conversation | None) -> Changes:
        """Subtitles were uploaded. The conversation begins again with them."""
        if path is None or conversation is None:
            return {self._subtitles: None, self._message: alert("Choose a video first, then its subtitles.")}
        try:
            num_lines = check_subtitles(Path(path), self._pipe.processor.video_processor)
        except RefusedVideoError as error:
            return {**self.forget_subtitles(conversation), self._subtitles: None, self._message: alert(str(error))}
        except Exception:
            logger.exception("Subtitles could not be read.")
            reason = alert("The subtitles cannot be read.")
            return {**self.forget_subtitles(conversation), self._subtitles: None, self._message: reason}
        caption = describe(conversation.video) + LINES_WERE_READ.format(num_lines)
        return {**self._begin_with(conversation.begin_with(Path(path))), self._scenes: caption}

    def forget_subtitles(self, conversation: Conversation | None) -> Changes:
        """The subtitles were taken away. The conversation begins again without them."""
        return {self._message: ""} if conversation is None else self._begin_with(conversation.begin_with(None))

    def begin_again(self, conversation: Conversation | None) -> Changes:
        """The conversation is forgotten; the video and its subtitles stay."""
        if conversation is None:
            return self.forget_video(conversation)
        return self._begin_with(conversation.begin_again())

    def _begin_with(self, conversation: Conversation) -> Changes:
        changes = {self._conversation: conversation, self._chat: [], self._message: ""}
        return {**changes, self._scenes: describe(conversation.video)}

    def stop(self, conversation: Conversation | None) -> None:
        """The answer that is being generated ends here, and stays in the conversation."""
        if conversation is not None:
            conversation.stop.set()

    def ask(
        self,
        question: str | None,
        path: str | None,
        subtitles: str | None,
        conversation: Conversation | None,
        num_frames: float,
        num_scenes: float,
        selection: str,
        supplement: str,
    ) -> Iterator[Changes]:
        """A question was asked."""
        question = (question or "").strip()
        if reason := self._why_not(question, path, subtitles, conversation):
            yield {self._message: alert(reason)}
            return
        assert conversation is not None
        options: dict[str, Any] = {"num_frames": int(min(max(num_frames, 1), self._limits.max_frames))}
        if self._pipe.model.config.scene_merging != "none":
            options |= {"num_scenes": int(num_scenes), "scene_selection": selection, "scene_supplement": supplement}
        conversation.stop.clear()
        busy = {self._send: gr.Button(visible=False), self._stop: gr.Button(visible=True)}
        chat = conversation_with(conversation, question, WAITING)
        yield {**busy, self._chat: chat, self._question: "", self._message: ""}
        idle = {self._send: gr.Button(visible=True), self._stop: gr.Button(visible=False)}
        try:
            yield from self._answer(question, conversation, options)
            changes: Changes = {}
        except Exception as error:
            reason = reason_of(error, conversation.files)
            changes = {self._chat: conversation.shown, self._question: question, self._message: alert(reason)}
        yield idle if conversation.is_closed else {**idle, **changes}

    # ----------------------------------------------------------------------------------------------------- answers

    def _why_not(
        self, question: str, path: str | None, subtitles: str | None, conversation: Conversation | None
    ) -> str | None:
        """Why a question cannot be asked, or None. `path` is the video in the player."""
        if path is None:
            return "Choose a video first."
        if conversation is None or str(conversation.video.path) != path:
            return "The video is still being checked. Ask again in a moment."
        if subtitles != (conversation.subtitles and str(conversation.subtitles)):
            return "The subtitles are still being checked. Ask again in a moment."
        if not question:
            return "Type a question first."
        if len(question) > self._limits.max_question_length:
            return f"The question is longer than {self._limits.max_question_length} characters."
        if conversation.num_questions >= self._limits.max_turns:
            return f"A conversation has at most {self._limits.max_turns} questions. Begin again."
        if not conversation.video.path.is_file():
            return "The video is no longer on the server. Upload it again."
        if conversation.subtitles is not None and not conversation.subtitles.is_file():
            return "The subtitles are no longer on the server. Upload them again."
        if token := control_token_in(question, self._pipe.processor.tokenizer):
            return f"A question must not contain {token}."
        return None

    def _answer(self, question: str, conversation: Conversation, options: dict[str, Any]) -> Iterator[Changes]:
        """Shows the answer while it is generated, then the scenes."""
        messages = conversation.with_question(question)
        options = {**options, "max_time": self._limits.max_answer_seconds}
        answer: tuple[str, list | None] = ("", None)
        with closing(stream_answer(self._pipe, messages, conversation.stop, **options)) as pieces:
            for answer in pieces:
                if conversation.is_closed:
                    return
                yield {self._chat: conversation_with(conversation, question, answer[0] or WAITING)}
        text, scenes = answer
        if text:  # empty if it was stopped at once
            conversation.add(question, text)
        yield {self._chat: conversation.shown}
        pictures = conversation.pictures(options["num_frames"], self._pipe.processor.video_processor)
        if not conversation.is_closed:
            yield {self._scenes: draw_strip(scenes or [], pictures)}


def conversation_with(conversation: Conversation, question: str, answer: str) -> list[dict[str, str]]:
    """The messages to show, with a turn that has not ended."""
    return [
        *conversation.shown,
        {"role": "user", "content": question},
        {"role": "assistant", "content": answer},
    ]
