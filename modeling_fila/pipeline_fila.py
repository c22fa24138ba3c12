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
"""`pipeline("video-text-to-text")`: answers questions about videos, and tells which scenes the model selected.

Shape letters: N frames of a video, H and W pixels.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from copy import copy
from functools import partial
from itertools import islice, repeat
from reprlib import Repr
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import get_worker_info
from transformers import AutoModelForImageTextToText, GenerationConfig, Pipeline
from transformers.pipelines import PIPELINE_REGISTRY
from transformers.utils import logging

from .conversation_videos import put_videos, videos_of
from .model_card import ModelCardMixin
from .outputs import FilaVideoFeatures
from .prompt_batches import (
    Copies,
    Message,
    PromptBatch,
    PromptBatches,
    batched,
    make_batches,
    reading_arguments,
)
from .read_ahead import closing, items_of_each, read_ahead
from .repeated_videos import encode_missing, join_videos
from .scene_options import SCENE_OPTIONS, with_scene_options
from .video_generation import MEDIA_INPUTS
from .video_memory import NotReadAhead, VideoMemory
from .video_store import VideoStore


TASK = "video-text-to-text"
DEFAULT_MAX_NEW_TOKENS = 256
# What `generate` accepts in addition to the fields of a generation config.
GENERATE_ARGUMENTS = (
    "custom_generate",
    "negative_prompt_ids",
    "prefix_allowed_tokens_fn",
    "assistant_model",
    "generation_config",
    "logits_processor",
    "stopping_criteria",
    "streamer",
)
OWN_STORE: Any = "own"
# Videos of which more frames are sampled are encoded as they are read; 256 frames at 384 x 384 are 113 MB.
STREAMS_ABOVE = 256


class _Repr(Repr):
    """Shows values in messages: short, and without users, passwords and queries of URLs."""

    def repr_str(self, x: str, level: int) -> str:
        url = re.fullmatch(r"(\w[\w+.-]*://)([^/?#]*@)?([^?#]*)([?#].*)?", x, re.DOTALL)
        return super().repr_str(url[1] + url[3] if url else x, level)


shorten = _Repr().repr


def is_conversation(value: Any) -> bool:
    """Whether `value` is a list of messages with a role."""
    return isinstance(value, (list, tuple)) and bool(value) and isinstance(value[0], dict) and "role" in value[0]


def is_many_videos(value: Any) -> bool:
    """Whether `value` is a list or data set of videos. A list of frames is a single video, and so is all else."""
    if not isinstance(value, (list, tuple)):
        return is_stream(value)
    is_list_of_frames = not value or isinstance(value[0], Image.Image) or getattr(value[0], "ndim", None) == 3
    return not is_list_of_frames


def is_stream(value: Any) -> bool:
    """
    Whether `value` yields items one after the other: a generator or a data set, in either form of the sequence
    protocol, but not a list, a file, an array, a dict, or a decoder of torchcodec.
    """
    if isinstance(value, (str, bytes, bytearray, memoryview, np.ndarray, torch.Tensor, Mapping, list, tuple)):
        return False
    if hasattr(value, "read") or hasattr(value, "get_frames_at"):
        return False
    return isinstance(value, Iterable) or (hasattr(value, "__getitem__") and hasattr(value, "__len__"))


def items_of(values: Any) -> Iterator[Any]:
    """Yields the items of a stream. Map-style data sets of torch have a length, but no `__iter__` that ends."""
    if isinstance(values, Iterable):
        return iter(values)
    return (values[index] for index in range(len(values)))


def make_conversation(videos: Any, text: str) -> list[Message]:
    """Makes a conversation of one user turn: the videos (one, a list, or `None`), then the question."""
    if not isinstance(text, str):
        raise ValueError(f"text={shorten(text)} must be a string, a list of strings, or a conversation.")
    videos = [] if videos is None else videos if is_many_videos(videos) else [videos]
    content = [{"type": "video", "video": video} for video in videos]
    return [{"role": "user", "content": [*content, {"type": "text", "text": text}]}]


def pair_up(videos: Any, text: str | list[str]) -> Iterable[tuple[Any, str]]:
    """
    Returns a pair (videos, question) for each prompt, one after the other if the videos are a stream. A single video or
    question is used for all prompts.
    """
    if is_stream(videos):
        questions = repeat(text) if not isinstance(text, (list, tuple)) else text
        return zip(items_of(videos), questions, strict=isinstance(text, (list, tuple)))
    if not isinstance(text, (list, tuple)):
        return [(video, text) for video in (videos if is_many_videos(videos) else [videos])]
    if not is_many_videos(videos):
        return [(videos, question) for question in text]
    if len(videos) != len(text):
        raise ValueError(f"{len(videos)} videos but {len(text)} texts: give the same number, or only one of either.")
    return list(zip(videos, text, strict=True))


def conversation_of(prompt: Any) -> list[Message]:
    """Makes a conversation of one element of a list or generator: a conversation or `{"video": ..., "text": ...}`."""
    if is_conversation(prompt):
        return prompt
    if isinstance(prompt, dict) and "text" in prompt:
        return make_conversation(prompt.get("videos", prompt.get("video")), prompt["text"])
    raise ValueError(f"A prompt must be a conversation or a dict with 'video' and 'text', not {shorten(prompt)}.")


def find_conversations(videos: Any, text: Any) -> tuple[Iterable[list[Message]], bool]:
    """Makes conversations of the arguments of a call.

    Args:
        videos: The first argument of the pipeline, in any of its forms.
        text: The second argument of the pipeline, in any of its forms.

    Returns:
        The conversations (a list, or an iterator for a stream), and whether the call has a single prompt, not a list.

    Raises:
        ValueError: If the arguments have none of these forms.
    """
    if videos is not None and text is not None:
        if is_conversation(text) or (isinstance(text, (list, tuple)) and text and is_conversation(text[0])):
            raise ValueError("A conversation holds its videos in the content of its messages: leave out videos.")
        is_single = not isinstance(text, (list, tuple)) and not is_many_videos(videos)
        conversations = (make_conversation(*pair) for pair in pair_up(videos, text))
        return (conversations if is_stream(videos) else list(conversations)), is_single
    prompts = text if videos is None else videos
    if prompts is None:
        raise ValueError("Give videos and text, or a conversation.")
    if is_conversation(prompts) or isinstance(prompts, dict):
        return [conversation_of(prompts)], True
    if videos is None and isinstance(prompts, str):
        return [make_conversation(None, prompts)], True
    if videos is None and isinstance(prompts, (list, tuple)) and all(isinstance(prompt, str) for prompt in prompts):
        return [make_conversation(None, question) for question in prompts], False
    if isinstance(prompts, (list, tuple)):
        return [conversation_of(prompt) for prompt in prompts], False
    if is_stream(prompts):
        return map(conversation_of, items_of(prompts)), False
    if videos is None:
        raise ValueError(f"text={shorten(text)} must be a string, a list of strings, or a conversation.")
    raise ValueError(f"A video without text: ask a question with text=... (got {shorten(videos)}).")


def override(earlier: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    """Merges two sets of arguments. The later ones take precedence. `num_frames` and `fps` replace each other."""
    replaced = {{"num_frames": "fps", "fps": "num_frames"}.get(name) for name in later}
    return {**{name: value for name, value in earlier.items() if name not in replaced}, **later}


def without_subtitles(processor_kwargs: dict[str, Any]) -> dict[str, Any]:
    """Leaves out the subtitles, which have been read, and the scenes, which are known by now."""
    read = ("subtitles", "subtitle_scenes")
    kept = {name: value for name, value in processor_kwargs.items() if name not in read}
    return {**kept, "videos_kwargs": without_subtitles(kept["videos_kwargs"])} if kept.get("videos_kwargs") else kept


class VideoTextToTextPipeline(ModelCardMixin, Pipeline):
    """
    Answers questions about videos.

    Example:

    ```python
    >>> from transformers import pipeline

    >>> pipe = pipeline("video-text-to-text", model=path, trust_remote_code=True)
    >>> pipe("clip.mp4", text="What happens?", return_scenes=True, max_new_tokens=32)
    [{"generated_text": "...", "scenes": [{"representative_seconds": 3.2, "frame_seconds": [2.9, 3.0, 3.2]}, ...]}]
    ```

    Args:
        video_store ([`VideoStore`], *optional*):
            What was computed for the videos of earlier calls, so that further questions about them cost little.
            Default: a store for this pipeline alone. `None` keeps nothing from one call to the next.
        others: As in [`Pipeline`], and the arguments of a call.
    """

    _load_processor: Any = True
    _load_image_processor: Any = False
    _load_video_processor: Any = False
    _load_feature_extractor: Any = False
    _load_tokenizer: Any = False
    # The classes of model and processor are known only when remote code is loaded.
    model: Any
    processor: Any

    def __new__(cls, model: Any = None, *args, **kwargs):
        # `pipeline()` takes the class that was registered first. A model of another repository brings its own.
        own_class = getattr(model, "pipeline_class", cls)
        if cls is VideoTextToTextPipeline and own_class is not cls:
            return own_class(model, *args, **kwargs)
        return super().__new__(cls)

    def __init__(self, *args, video_store: VideoStore | None = OWN_STORE, **kwargs):
        self.video_store = VideoStore() if video_store is OWN_STORE else video_store
        super().__init__(*args, **kwargs)

    def _sanitize_parameters(
        self,
        return_scenes=None,
        return_full_text=None,
        on_error=None,
        sanitize_control_tokens=None,
        read_ahead=None,
        video_store=OWN_STORE,
        processor_kwargs=None,
        generate_kwargs=None,
        **kwargs,
    ):
        processor_kwargs, generate_kwargs = dict(processor_kwargs or {}), dict(generate_kwargs or {})
        scene_options: dict[str, Any] = {}
        generation_fields = vars(GenerationConfig())
        for name, value in kwargs.items():
            if name in self.processor.video_processor.valid_kwargs.__annotations__:
                target, kind = processor_kwargs, "processor_kwargs"
            elif name in generation_fields or name in GENERATE_ARGUMENTS:
                target, kind = generate_kwargs, "generate_kwargs"
            elif name in SCENE_OPTIONS:
                target, kind = scene_options, "scene_options"
            else:
                raise TypeError(
                    f"{name}={shorten(value)} is not an argument of the {TASK} pipeline, its processor or `generate`."
                )
            if name in target:
                raise ValueError(
                    f"{name} is given twice: {name}={shorten(value)} and {kind}[{name!r}]={shorten(target[name])}."
                )
            target[name] = value
        # The arguments of a call are merged with those of the constructor. While the constructor runs, there are none.
        earlier = {**getattr(self, "_preprocess_params", {}), **getattr(self, "_forward_params", {})}
        if "generation_config" in generate_kwargs:  # replaces all earlier arguments of `generate`
            earlier.pop("generate_kwargs", None)
        preprocess: dict[str, Any] = {
            "processor_kwargs": override(earlier.get("processor_kwargs", {}), processor_kwargs)
        }
        forward = {"generate_kwargs": override(earlier.get("generate_kwargs", {}), generate_kwargs)}
        if on_error not in (None, "raise", "return"):
            raise ValueError(f"on_error={shorten(on_error)} must be 'raise' or 'return'.")
        of_prompts = {
            "on_error": on_error,
            "sanitize_control_tokens": sanitize_control_tokens,
            "read_ahead": read_ahead,
        }
        preprocess.update({name: value for name, value in of_prompts.items() if value is not None})
        if video_store is not OWN_STORE:
            preprocess["video_store"] = forward["video_store"] = video_store
        preprocess["is_assisted"] = forward["generate_kwargs"].get("assistant_model") is not None
        scene_options = {**earlier.get("scene_options", {}), **scene_options}
        if scene_options:
            with_scene_options(self.model.config, scene_options)  # raises an error before a video is read
            if preprocess["is_assisted"]:  # the assistant encodes the videos itself
                raise ValueError(f"{scene_options} cannot be combined with an assistant_model: change its config.")
            preprocess["scene_options"] = forward["scene_options"] = scene_options
        given = {"return_scenes": return_scenes, "return_full_text": return_full_text}
        return preprocess, forward, {name: value for name, value in given.items() if value is not None}

    # Like the pipelines of transformers, this one has its own arguments in place of those of `Pipeline`.

    def __call__(  # type: ignore[override]
        self, videos: Any = None, text: Any = None, batch_size: int | None = None, **kwargs
    ):
        """
        Answers questions about videos. The arguments of `pipeline()` apply to each call that does not replace them.

        Args:
            videos:
                A path, an http(s) URL, bytes, a file object, an array of shape `(N, H, W, 3)` or `(N, 3, H, W)`, or a
                list of frames; or a list of those. Or a conversation, or a list of conversations. Or dicts
                `{"video": ..., "text": ...}` in a list or a generator, where `"videos"` holds several videos of one
                prompt.
            text (`str` or `list[str]`):
                The question, or one question for each video. Several questions may be asked about one video, and one
                question about several videos.
            batch_size (`int`, *optional*, defaults to 1):
                Number of prompts that go through the model together.
            num_workers (`int`, *optional*, defaults to 0):
                Number of processes that read and prepare the videos of a list of prompts, in place of `read_ahead`.
            return_scenes (`bool`, *optional*, defaults to `False`):
                Whether to return the selected scenes, in seconds.
            return_full_text (`bool`, *optional*, defaults to `False`):
                Whether `generated_text` is the conversation with the answer added, instead of the answer alone.
            on_error (`str`, *optional*, defaults to `"raise"`):
                With `"return"`, a prompt with a video that cannot be read has the answer
                `{"generated_text": None, "error": ...}`, and the others are answered.
            read_ahead (`bool`, *optional*, defaults to `True`):
                Whether a thread reads the videos of the next batch of a list, generator or data set while the model
                works on this one. The frames of two batches are then in memory. A generator is asked for its next
                prompt before this one is answered; `False` asks it afterwards.
            sanitize_control_tokens (`bool`, *optional*, defaults to `False`):
                Whether markers such as `<|im_start|>` and `<video>` in the messages are plain text. Set it for texts of
                other people. It needs Transformers 5.24.
            video_store ([`VideoStore`], *optional*):
                Used for this call in place of the pipeline's own; `None` uses none.
            processor_kwargs (`dict`, *optional*):
                Arguments of the processor. Those such as `num_frames`, `fps`, `max_frames` and `url_timeout_seconds`
                may also be given directly.
            generate_kwargs (`dict`, *optional*):
                Arguments of `generate`. Those such as `max_new_tokens` may also be given directly.
            num_scenes, scene_selection, scene_supplement, kmeans_init, kmeans_seed, ...:
                Fields of the model's configuration to replace: how many scenes are selected, and how. See
                [`FilaVideoConfig`].

        Returns:
            For one prompt, a list with one dict per answer. For a list of prompts, a list of such lists. For a
            generator, an iterator over such lists. A dict has the key `generated_text`. With `return_scenes=True` it
            also has `scenes`: for each scene `representative_seconds` and `frame_seconds`, and `video_index` if the
            prompt has several videos.

        Raises:
            ValueError: If the input has none of these forms, or an argument is given twice.
            TypeError: If an argument is unknown.
            OSError: If a video cannot be read. For a list of prompts, the attribute `answers` of this and of any other
                exception holds the answers to the prompts before.
        """
        conversations, is_single = find_conversations(videos, text)
        size = batch_size or self._batch_size or 1
        batches = make_batches(conversations, size, kwargs.pop("video_metadata", None))
        if is_single:
            return super().__call__(next(batches), **kwargs)[0]
        if not isinstance(conversations, list):
            return items_of_each(super().__call__(batches, batch_size=1, **kwargs))
        prepared = PromptBatches(list(batches))
        answers = super().__call__(prepared, batch_size=1, **kwargs)
        num_batches = len(prepared)
        progress = logging.tqdm(answers, total=num_batches, desc=TASK, unit="batch", disable=num_batches < 2 or None)
        collected: list[Any] = []
        try:
            with closing(answers):
                for batch in progress:
                    collected += batch
        except Exception as error:
            error.answers = collected  # type: ignore[attr-defined]
            raise
        return collected

    def get_iterator(self, inputs, num_workers, batch_size, preprocess_params, forward_params, postprocess_params):
        """Yields the answers to each batch. See [`Pipeline.get_iterator`]."""
        if not isinstance(inputs, PromptBatches):
            inputs = map(Copies().of, inputs)
        parameters = preprocess_params, forward_params, postprocess_params
        if num_workers or not preprocess_params.get("read_ahead", True):
            return super().get_iterator(inputs, num_workers, batch_size, *parameters)
        return self._answer_and_read_ahead(inputs, *parameters)

    def _answer_and_read_ahead(self, batches, preprocess_params, forward_params, postprocess_params) -> Iterator[Any]:
        with closing(read_ahead(batches, partial(self._read, **preprocess_params))) as batches_with_videos:
            for batch in batches_with_videos:
                outputs = self.forward(self.preprocess(batch, **preprocess_params), **forward_params)
                del batch  # whoever gets the answers need not hold the frames
                yield self.postprocess(outputs, **postprocess_params)
                del outputs

    def preprocess(  # type: ignore[override]
        self, batch: PromptBatch, on_error: str = "raise", read_ahead: bool = True, **options: Any
    ) -> dict[str, Any]:
        try:
            return self._prepare(batch, **options)
        except OSError:
            if on_error == "raise":
                raise
        errors: list[str | None] = []
        for single in batch.split():
            try:
                self._prepare(single, **options)
                errors.append(None)
            except OSError as error:
                errors.append(f"{type(error).__name__}: {error}")
        readable = batch.only([error is None for error in errors])
        prepared: dict[str, Any] = {"inputs": None, "batch": readable}
        if readable.conversations:
            prepared = self._prepare(readable, **options)
        return {**prepared, "errors": errors}

    def _prepare(
        self,
        batch: PromptBatch,
        processor_kwargs: dict[str, Any] | None = None,
        scene_options: dict[str, Any] | None = None,
        sanitize_control_tokens: bool = False,
        video_store: VideoStore | None = OWN_STORE,
        is_assisted: bool = False,
    ) -> dict[str, Any]:
        """Makes the inputs of the model."""
        continues = [conversation[-1]["role"] == "assistant" for conversation in batch.conversations]
        if any(continues) and not all(continues):
            raise ValueError("Some conversations of this batch end with the assistant's turn and some do not.")
        processor, processor_kwargs = self._processor_for(scene_options), dict(processor_kwargs or {})
        memory = self._memory(batch, processor_kwargs, scene_options, video_store, is_assisted)
        of_videos = {**processor_kwargs, **(processor_kwargs.get("videos_kwargs") or {})}
        needs_scenes = of_videos.get("subtitle_lines") == "scenes" and of_videos.get("subtitle_scenes") is None
        batch.sanitize_control_tokens = sanitize_control_tokens
        if needs_scenes:
            batch.once_more = without_subtitles(processor_kwargs)
        follow = {"scenes_follow": True} if needs_scenes else {}
        arguments = {**reading_arguments(batch, memory, processor_kwargs), **follow}
        inputs = self._write_prompts(processor, batch, arguments)
        metadata = inputs.pop("video_metadata", None)
        contents = None if memory is None else [memory.content_of(video.frames_digest) for video in metadata or []]
        return {"inputs": dict(inputs), "batch": batch, "video_metadata": metadata, "video_contents": contents}

    def _processor_for(self, scene_options: dict[str, Any] | None) -> Any:
        """Returns the processor, or one that counts the scenes of this call."""
        if (scene_options or {}).get("num_scenes") is None:
            return self.processor
        processor = copy(self.processor)
        processor.num_scenes = scene_options["num_scenes"]  # type: ignore[index]
        return processor

    def _write_prompts(self, processor: Any, batch: PromptBatch, processor_kwargs: dict[str, Any]) -> Any:
        continues = batch.conversations[0][-1]["role"] == "assistant"
        defaults = {"padding": True, "padding_side": "left", "return_metadata": True, "as_bytes": True}
        return processor.apply_chat_template(
            batch.conversations,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            add_generation_prompt=not continues,
            continue_final_message=continues,
            processor_kwargs={**defaults, **processor_kwargs},
            **({"sanitize_control_tokens": True} if batch.sanitize_control_tokens else {}),
        )

    def _write_once_more(
        self, model_inputs: dict[str, Any], features: FilaVideoFeatures, scene_options: dict[str, Any] | None
    ) -> dict[str, Any]:
        """
        Makes the inputs of the model once more, now with the subtitles of the scenes. The frames are in the features.
        """
        batch, metadata = model_inputs["batch"], model_inputs["video_metadata"]
        processor = self._processor_for(scene_options)
        encoded = processor.video_processor.without_frames(metadata)
        again = batch.with_conversations(put_videos(batch.conversations, encoded))
        scenes = processor.post_process_scenes(features, metadata)
        inputs = self._write_prompts(processor, again, {**batch.once_more, "subtitle_scenes": scenes})
        del inputs["video_metadata"]
        return dict(inputs.to(self.device))

    def _read(
        self,
        batch: PromptBatch,
        is_ahead: bool,
        processor_kwargs: dict[str, Any] | None = None,
        scene_options: dict[str, Any] | None = None,
        video_store: VideoStore | None = OWN_STORE,
        is_assisted: bool = False,
        **of_prompts: Any,
    ) -> None:
        """Reads the videos of a batch for `preprocess`; ahead, not those that the model encodes as they are read."""
        memory = self._memory(batch, processor_kwargs, scene_options, video_store, is_assisted)
        if memory is not None:
            memory.reads_ahead = is_ahead
        with suppress(NotReadAhead):
            self.processor.load_videos(batch.conversations, reading_arguments(batch, memory, processor_kwargs))

    def _memory(
        self,
        batch: PromptBatch,
        processor_kwargs: dict[str, Any] | None,
        scene_options: dict[str, Any] | None,
        video_store: VideoStore | None,
        is_assisted: bool,
    ) -> VideoMemory | None:
        """What the processor may ask about the videos of a batch."""
        store = self.video_store if video_store is OWN_STORE else video_store
        if store is None:
            return None
        settings = self.processor.pixel_settings(processor_kwargs or {})
        memory = VideoMemory(store, self.model, settings, scene_options, batch.known_videos.encoded)
        # Another process does not have the features, and an assistant encodes the pixels itself.
        memory.may_skip_reading = not is_assisted and get_worker_info() is None
        if memory.may_skip_reading and self.processor.gives_bytes(processor_kwargs or {}):
            memory.streams_above = STREAMS_ABOVE
        return memory

    def _forward(  # type: ignore[override]
        self,
        model_inputs: dict[str, Any],
        generate_kwargs: dict[str, Any] | None = None,
        scene_options: dict[str, Any] | None = None,
        video_store: VideoStore | None = OWN_STORE,
    ) -> dict[str, Any]:
        inputs = model_inputs.pop("inputs")
        if inputs is None:  # not one prompt of the batch could be read
            return {**model_inputs, "sequences": None, "features": None}
        generate_kwargs = {"tokenizer": self.processor.tokenizer, **(generate_kwargs or {})}  # for `stop_strings`
        is_bounded = {"generation_config", "max_length"} & set(generate_kwargs)
        if not is_bounded and self.model.generation_config.max_new_tokens is None:
            generate_kwargs.setdefault("max_new_tokens", DEFAULT_MAX_NEW_TOKENS)
        pixels = {name: inputs.pop(name) for name in MEDIA_INPUTS["video"][:2] if name in inputs}
        features = None
        store = self.video_store if video_store is OWN_STORE else video_store
        if not model_inputs["video_metadata"]:
            sequences = self.model.generate(**inputs, **generate_kwargs)
        else:
            features, keys = self._encode(model_inputs, pixels, store, scene_options)
            if model_inputs["batch"].once_more is not None:
                inputs = self._write_once_more(model_inputs, features, scene_options)
            arguments = {**inputs, **generate_kwargs}
            if arguments.get("assistant_model") is not None:  # it encodes the pixels itself
                sequences = self.model.generate(**pixels, **arguments)
            elif store is None:
                sequences = self.model.generate(**arguments, mm_encoder_outputs={"video": features})
            else:
                sequences = store.generate_about(self.model, features, keys, arguments)
        sequences = getattr(sequences, "sequences", sequences)[:, inputs["input_ids"].shape[1] :]
        return {**model_inputs, "sequences": sequences, "features": features}

    def _encode(
        self,
        model_inputs: dict[str, Any],
        pixels: dict[str, torch.Tensor],
        store: VideoStore | None,
        scene_options: dict[str, Any] | None,
    ) -> tuple[FilaVideoFeatures, list[Any]]:
        """Returns the features of all videos of a batch, without the times of scenes, and the keys of these videos."""
        metadata, known = model_inputs["video_metadata"], model_inputs["batch"].known_videos
        with_pixels = [place for place, video in enumerate(metadata) if video.has_frames]

        def inputs_of(places: list[int]) -> dict[str, torch.Tensor]:
            rows = [with_pixels.index(place) for place in places]
            if len(rows) == len(with_pixels):
                return pixels
            return {name: tensor[rows] for name, tensor in pixels.items()}

        if store is not None:
            contents = model_inputs["video_contents"]
            return store.encode(self.model, contents, inputs_of, scene_options, known.encoded)
        keys = [id(video) for video in metadata]  # equal videos share one object
        new = encode_missing(
            keys,
            known.encoded,
            lambda places: self.model.get_video_features(**inputs_of(places), scene_options=scene_options),
        )
        known.encoded = {key: new[key] if key in new else known.encoded[key] for key in keys}
        known.held = metadata
        return join_videos([known.encoded[key] for key in keys]), keys

    def postprocess(  # type: ignore[override]
        self, outputs: dict[str, Any], return_scenes: bool = False, return_full_text: bool = False
    ) -> list[list[dict[str, Any]]]:
        answers = self._answers(outputs, return_scenes, return_full_text) if outputs["sequences"] is not None else []
        if outputs.get("errors") is None:
            return answers
        readable = iter(answers)
        return [
            next(readable) if error is None else [{"generated_text": None, "error": error}]
            for error in outputs["errors"]
        ]

    def _answers(self, outputs: dict[str, Any], return_scenes: bool, return_full_text: bool) -> list[Any]:
        conversations = outputs["batch"].conversations
        texts = self.processor.post_process_image_text_to_text(outputs["sequences"], skip_special_tokens=True)
        per_prompt = len(texts) // len(conversations)
        answers = [[{"generated_text": answer} for answer in batch] for batch in batched(texts, per_prompt)]
        if return_full_text:
            for conversation, candidates in zip(conversations, answers, strict=True):
                for answer in candidates:
                    answer["generated_text"] = with_answer(conversation, answer["generated_text"])
        if return_scenes:
            for scenes, candidates in zip(self._scenes(outputs), answers, strict=True):
                for answer in candidates:
                    answer["scenes"] = scenes
        return answers

    def _scenes(self, outputs: dict[str, Any]) -> list[list[dict[str, Any]]]:
        """Returns the scenes of the videos of each prompt."""
        features = outputs["features"]
        by_video: Iterator[list[dict[str, Any]]] = iter([])
        if features is not None:
            by_video = iter(self.processor.post_process_scenes(features, outputs["video_metadata"]))
        result = []
        for conversation in outputs["batch"].conversations:
            videos = list(islice(by_video, len(videos_of([conversation]))))
            if len(videos) > 1:
                videos = [[{"video_index": i, **scene} for scene in scenes] for i, scenes in enumerate(videos)]
            result.append([scene for scenes in videos for scene in scenes])
        return result

    @property
    def card_source(self) -> str:
        return self.model.card_source

    def save_files(self, save_directory, *args, **kwargs) -> None:
        """Saves model, processor and their code, and the code of this pipeline. `pipeline()` can load the folder."""
        # The other parts that `Pipeline` would save, such as the tokenizer, are parts of the processor.
        self.model.save_pretrained(save_directory, *args, **kwargs)
        self.processor.save_pretrained(save_directory, **kwargs)


def with_answer(conversation: list[Message], answer: str) -> list[Message]:
    """Adds the answer to the conversation, as a new turn of the assistant or at the end of the last one."""
    messages = list(conversation)
    last = messages[-1]
    if last["role"] != "assistant":
        return [*messages, {"role": "assistant", "content": [{"type": "text", "text": answer}]}]
    begun = [{"type": "text", "text": last["content"]}] if isinstance(last["content"], str) else last["content"]
    *before, final = begun
    return [*messages[:-1], {**last, "content": [*before, {**final, "text": final["text"] + answer}]}]


def register_video_text_to_text() -> None:
    """Registers the task with `pipeline()`.

    `pipeline()` looks into its registry if it gets a model object, or if the package is installed. A class that
    transformers or another package has already registered for the task is not replaced.
    """
    if TASK not in PIPELINE_REGISTRY.get_supported_tasks():
        PIPELINE_REGISTRY.register_pipeline(
            TASK, pipeline_class=VideoTextToTextPipeline, pt_model=AutoModelForImageTextToText
        )


__all__ = ["VideoTextToTextPipeline"]
