# Copyright 2026 The FiLA-Video contributors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Answers requests on Hugging Face Inference Endpoints.

A request is `{"inputs": ..., "parameters": {...}}`. The inputs are `{"video": ..., "text": ...}`, where `text` may be a
list of questions, or `{"messages": [...]}`. A video is an http(s) URL or base64. The answer is a list with one dict for
each question: `generated_text`, and with `"return_scenes": true` also `scenes`.

This is a server. It reads no local path and connects to public addresses only, also after redirects. What a request may
cost has limits. Messages of errors go to the client, so they hold no path and nothing about the server.
"""

import base64
import inspect
import io
import logging
import re
import threading
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from transformers import ProcessorMixin, pipeline


logger = logging.getLogger(__name__)

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
ROLES = ("system", "user", "assistant")
VIDEO_PARTS = ("video", "video_url", "input_video")
TEXT_PARTS = ("text", "input_text")
SOURCES = ("video", "url", "video_url")


class RequestError(ValueError):
    """A request that is refused. Its message is for the client."""


@dataclass(frozen=True)
class Limits:
    """What one request may cost.

    Attributes:
        max_videos: Videos of a request.
        max_prompts: Questions about a video.
        max_messages: Messages of a conversation.
        max_characters: Characters of all texts together.
        max_video_bytes: Bytes of a video.
        max_video_seconds: Length of a video.
        max_pixels: Pixels of one picture.
        max_frames: Frames that are sampled from a video.
        max_new_tokens: Tokens of an answer.
        url_timeout_seconds: Wait for an answer of a server, and for each 256 KiB that it sends.
        url_total_seconds: Wait for a server in total.
        read_seconds: Time for reading a video.
        answer_seconds: Time for writing an answer, which ends there.
        url_policy: Which addresses URLs may lead to; see `VideoReader`.
    """

    max_videos: int = 4
    max_prompts: int = 32
    max_messages: int = 64
    max_characters: int = 20_000
    max_video_bytes: int = 512 * 2**20
    max_video_seconds: float = 4 * 3600
    max_pixels: int = 4096 * 2304
    max_frames: int = 256
    max_new_tokens: int = 1024
    url_timeout_seconds: float = 10
    url_total_seconds: float = 60
    read_seconds: float = 120
    answer_seconds: float = 120
    url_policy: str = "public_only"


class EndpointHandler:
    """
    Loads the model of a folder, and answers requests, also several at the same time.

    Args:
        path: Folder of the model.
        limits: What one request may cost.

    Raises:
        ImportError: If transformers is older than 5.24, which cannot take control tokens in a text for plain text.
    """

    def __init__(self, path: str = "", limits: Limits | None = None):
        if "sanitize_control_tokens" not in inspect.signature(ProcessorMixin.apply_chat_template).parameters:
            raise ImportError("handler.py needs transformers >= 5.24: install the requirements.txt next to it.")
        device: dict[str, Any] = {"device_map": "auto"} if torch.cuda.is_available() else {"device": "cpu"}
        self._pipe: Any = pipeline("video-text-to-text", model=path, dtype="auto", trust_remote_code=True, **device)
        self._files = VideoFiles(self._pipe.processor.video_processor, limits or Limits())
        self._limits = limits or Limits()
        self._lock = threading.Lock()  # the model answers one request at a time; videos are read meanwhile

    def __call__(self, data: dict[str, Any]) -> list[dict[str, Any]]:
        """
        Answers a request.

        Args:
            data: The body of the request.

        Raises:
            RequestError: If the request is refused. No other exception leaves this method.
        """
        try:
            parameters = Parameters(data.get("parameters"), self._limits)
            conversations = find_conversations(data.get("inputs"), self._limits)
            self._load_videos(conversations, parameters.of_sampling)
            with self._lock, torch.inference_mode():
                answers = self._pipe(
                    conversations,
                    sanitize_control_tokens=True,
                    max_time=self._limits.answer_seconds,
                    **parameters.of_answer,
                )
            return [answer for (answer,) in answers]
        except RequestError:
            raise
        except Exception:
            logger.exception("A request could not be answered.")
            raise RequestError("The request could not be answered.") from None

    def _load_videos(self, conversations: list[list[dict[str, Any]]], options: dict[str, Any]) -> None:
        """Puts the frames of videos in place of their URLs. The same video is read once."""
        parts = [
            part
            for conversation in conversations
            for message in conversation
            for part in message["content"]
            if part["type"] == "video"
        ]
        sources = dict.fromkeys(part["video"] for part in parts)
        if len(sources) > self._limits.max_videos:
            raise RequestError(f"A request may have {self._limits.max_videos} videos, not {len(sources)}.")
        loaded = {source: self._files.load(source, options) for source in sources}
        for part in parts:
            part["video"] = loaded[part["video"]]


# --- the request -----------------------------------------------------------------------------------------------------


def find_conversations(inputs: Any, limits: Limits) -> list[list[dict[str, Any]]]:
    """
    Makes conversations of the inputs of a request. They hold what is known here and nothing else of the request.

    Raises:
        RequestError: If the inputs have none of the forms.
    """
    if not isinstance(inputs, dict):
        raise RequestError("inputs must be an object with 'video' and 'text', or with 'messages'.")
    if "messages" in inputs:
        conversations = [_messages(inputs["messages"], limits)]
    else:
        conversations = _questions(inputs, limits)
    texts = [part.get("text", "") for messages in conversations for message in messages for part in message["content"]]
    if sum(map(len, texts)) > limits.max_characters:
        raise RequestError(f"The texts of a request may have {limits.max_characters} characters in total.")
    return conversations


def _questions(inputs: dict[str, Any], limits: Limits) -> list[list[dict[str, Any]]]:
    texts = inputs.get("text")
    texts = texts if isinstance(texts, list) else [texts]
    if not 0 < len(texts) <= limits.max_prompts or not all(isinstance(text, str) for text in texts):
        raise RequestError(f"text must be a question or a list of 1 to {limits.max_prompts} questions.")
    video = _video_part(inputs.get("video"))
    return [[{"role": "user", "content": [{**video}, {"type": "text", "text": text}]}] for text in texts]


def _messages(messages: Any, limits: Limits) -> list[dict[str, Any]]:
    if not isinstance(messages, list) or not 0 < len(messages) <= limits.max_messages:
        raise RequestError(f"messages must be a list of 1 to {limits.max_messages} messages.")
    if not all(isinstance(message, dict) and message.get("role") in ROLES for message in messages):
        raise RequestError(f"Each message must be an object with a role: {', '.join(ROLES)}.")
    return [{"role": message["role"], "content": _content(message.get("content"))} for message in messages]


def _content(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise RequestError("The content of a message must be a text or a list of parts.")
    return [_part(part) for part in content]


def _part(part: Any) -> dict[str, Any]:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in TEXT_PARTS and isinstance(part.get("text"), str):
        return {"type": "text", "text": part["text"]}
    if kind in VIDEO_PARTS:
        given = [part[name] for name in SOURCES if part.get(name) is not None]
        if len(given) == 1:
            return _video_part(given[0]["url"] if isinstance(given[0], dict) and "url" in given[0] else given[0])
    raise RequestError("A part of a message must be a text, or a video with one of 'video', 'url' and 'video_url'.")


def _video_part(source: Any) -> dict[str, Any]:
    if not isinstance(source, str) or not source:
        raise RequestError("A video must be an http(s) URL or base64.")
    return {"type": "video", "video": source}


class Parameters:
    """
    The parameters of a request, checked.

    Attributes:
        of_sampling: Arguments for reading a video.
        of_answer: Arguments of the pipeline.

    Raises:
        RequestError: If a parameter is unknown or out of range.
    """

    def __init__(self, given: Any, limits: Limits):
        numbers: dict[str, tuple[type, float, float]] = {
            "num_frames": (int, 1, limits.max_frames),
            "fps": (float, 0.001, 60),
            "start_seconds": (float, 0, limits.max_video_seconds),
            "end_seconds": (float, 0, limits.max_video_seconds),
            "max_new_tokens": (int, 1, limits.max_new_tokens),
            "num_scenes": (int, 1, limits.max_frames),
            "temperature": (float, 0.01, 10),
            "top_p": (float, 0.001, 1),
            "top_k": (int, 1, 1000),
        }
        given = {} if given is None else given
        if not isinstance(given, dict):
            raise RequestError("parameters must be an object.")
        checked = {}
        for name, value in given.items():
            if name in ("do_sample", "return_scenes"):
                checked[name] = _flag(name, value)
            elif name in numbers:
                checked[name] = _number(name, value, *numbers[name])
            else:
                known = ", ".join([*numbers, "do_sample", "return_scenes"])
                raise RequestError(f"A parameter is unknown: {str(name)[:40]!r}. The parameters are {known}.")
        if "num_frames" in checked and "fps" in checked:
            raise RequestError("Give num_frames or fps, not both.")
        names = ("num_frames", "fps", "start_seconds", "end_seconds")
        self.of_sampling = {name: checked.pop(name) for name in names if name in checked}
        self.of_answer = checked


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise RequestError(f"{name} must be true or false.")
    return value


def _number(name: str, value: Any, kind: type, smallest: float, largest: float) -> Any:
    is_number = isinstance(value, int if kind is int else (int, float)) and not isinstance(value, bool)
    if not is_number or not smallest <= value <= largest:
        word = "an integer" if kind is int else "a number"
        raise RequestError(f"{name} must be {word} from {smallest:g} to {largest:g}.")
    return value


# --- videos ----------------------------------------------------------------------------------------------------------


class VideoFiles:
    """
    Reads the videos of requests with the reader that comes with the model.

    Args:
        video_processor: The model's video processor. The reader lies next to it.
        limits: What one request may cost.
    """

    def __init__(self, video_processor: Any, limits: Limits):
        package = type(video_processor).__module__.rpartition(".")[0]
        self._reader = import_module(f"{package}.reader")
        self._url = import_module(f"{package}.reader_url")
        self._video_processor = video_processor
        self._limits = limits
        self._costs = {"max_pixels": limits.max_pixels, "max_seconds": limits.read_seconds}

    def load(self, source: str, options: dict[str, Any]) -> Any:
        """
        Reads and samples a video.

        Args:
            source: An http(s) URL, base64, or a data URL.
            options: Arguments for sampling.

        Returns:
            Its frames and their times, which the pipeline takes for a video.

        Raises:
            RequestError: If the video is refused.
        """
        try:
            with closing(self._open(source)) as file:
                with self._reader.VideoReader(file, **self._costs) as reader:
                    self._check_length(reader.duration_seconds)
                file.seek(0)
                (video,) = self._video_processor.load_videos(
                    file, max_frames=self._limits.max_frames, **options, **self._costs
                )
            return video
        except RequestError:
            raise
        except self._reader.VideoReadError as error:
            raise RequestError(self._for_client(str(error))) from None
        except ValueError:
            raise RequestError("The video cannot be read with these parameters.") from None

    def _open(self, source: str) -> Any:
        scheme = SCHEME.match(source)
        if scheme and scheme[1].lower() in ("http", "https"):
            return self._open_url(source)
        if scheme:
            header, _, source = source.partition(",")
            if scheme[1].lower() != "data" or not header.lower().endswith(";base64"):
                raise RequestError("A video must be an http(s) URL or base64.")
        return io.BytesIO(self._decode(source))

    def _open_url(self, url: str) -> Any:
        limits = self._limits
        options = self._url.UrlOptions(
            limits.url_timeout_seconds, limits.url_total_seconds, limits.max_video_bytes, limits.url_policy
        )
        return self._url.HttpFile(url, options)

    def _decode(self, text: str) -> bytes:
        largest = self._limits.max_video_bytes
        if len(text) > largest * 3 // 2:
            raise RequestError(f"The video is larger than the limit of {largest} bytes.")
        try:
            content = base64.b64decode("".join(text.split()), validate=True)
        except ValueError:
            content = b""
        if not content:
            raise RequestError("The video is neither an http(s) URL nor base64.")
        if len(content) > largest:
            raise RequestError(f"The video has {len(content)} bytes, more than the limit of {largest}.")
        return content

    def _check_length(self, seconds: float) -> None:
        largest = self._limits.max_video_seconds
        if seconds > largest:
            raise RequestError(f"The video is {seconds:.0f} seconds long, more than the limit of {largest:g}.")

    def _for_client(self, message: str) -> str:
        """
        The message of the reader, without what a client must not learn, the addresses of names and redirects, and
        without advice to the owner of the server.
        """
        if "url_policy" in message or "redirects to" in message:
            return "The URL of the video does not lead to a public address, which it must, also after redirects."
        message = re.sub(r"(:|,? or) raise max_\w+.*", ".", message, flags=re.DOTALL)
        message = re.sub(r"max_\w+ ?= ?(?=\d)", "the limit of ", message)
        return re.sub(r"<[^<>]*>", "The video", message)
