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
"""
Conversations about videos -> what the model takes.

Shape letters: B prompts, T tokens of a prompt, V videos, N sampled frames, S scenes, H and W height and width.
"""

import re
from collections.abc import Mapping
from typing import Any

from transformers import BatchFeature, ProcessorMixin
from transformers.processing_utils import MultiModalData, Unpack

from .chat_parts import normalize_parts
from .image_tokens import count_image_tokens, count_overview_tokens
from .loaded_video import LoadedVideo
from .processing_checks import check_choice
from .processing_compat import check_assistant_masks, check_sanitizing
from .processing_kwargs import FilaVideoProcessorKwargs
from .processor_card import ModelCardMixin
from .processor_defaults import default_chat_template, default_image_processor
from .scene_descriptions import describe_scenes
from .scene_times import count_digits, tokenize_times
from .timestamps import TIMES_OF_SCENES, TIMESTAMPS, lay_out_times
from .video_arguments import (
    LOADING_ARGUMENTS,
    READER_ARGUMENTS,
    SHAPE_ARGUMENTS,
    SUBTITLE_ARGUMENTS,
    VIDEO_ARGUMENTS,
    check_given_once,
    gather_video_arguments,
)
from .video_metadata import FilaVideoMetadata
from .video_subtitles import SubtitleOptions, write_subtitles
from .video_tokens import count_scenes, count_tokens, pooled_side


class FilaVideoProcessor(ModelCardMixin, ProcessorMixin):
    """
    Brings a video processor, an image processor and a tokenizer together. It replaces each `<video>` in a prompt by the
    video's placeholders, one for each visual token, and by a text that says when the frames were shown; and each
    `<image>` by the image's placeholders.

    Args:
        video_processor ([`FilaVideoVideoProcessor`])
        tokenizer: a tokenizer that knows `<image>` and `<video>` as one token each.
        image_processor ([`LlavaOnevisionImageProcessor`], *optional*): default: with tiles of the size of the frames.
        chat_template (`str`, *optional*): Jinja template; ChatML, as Qwen2 was trained on, by default.
        num_scenes (`int`, *optional*, defaults to 32): as in the model's configuration; `None` where every frame is
            kept (`scene_merging="none"`).
        patches_per_side (`int`, *optional*, defaults to 27): patches along one side of a frame, 384 // 14.
        spatial_pool_mode, spatial_pool_stride, newline_position: as in the model's configuration.
        timestamps (`str`, *optional*, defaults to `"sampled"`): `"sampled"` writes the paper's sentence into the
            prompt, with the times of the sampled frames; `"selected"` writes it with the times of the scenes, which the
            model puts in place of placeholders once it has selected the scenes; `"interleaved"` writes each of these
            times before its scene's visual tokens instead; `"none"` writes no times.
        vision_aspect_ratio (`str`, *optional*, defaults to `"anyres_max_9"`): as in the model's configuration.
    """

    valid_processor_kwargs = FilaVideoProcessorKwargs

    def __init__(
        self,
        video_processor=None,
        tokenizer=None,
        image_processor=None,
        chat_template: str | None = None,
        num_scenes: int | None = 32,
        patches_per_side: int = 27,
        spatial_pool_mode: str = "bilinear",
        spatial_pool_stride: int = 2,
        newline_position: str = "one_token",
        timestamps: str = "sampled",
        vision_aspect_ratio: str = "anyres_max_9",
    ):
        self.num_scenes = num_scenes
        self.patches_per_side = patches_per_side
        self.spatial_pool_mode = spatial_pool_mode
        self.spatial_pool_stride = spatial_pool_stride
        self.newline_position = newline_position
        self.timestamps = check_choice("timestamps", timestamps, TIMESTAMPS)
        self.vision_aspect_ratio = vision_aspect_ratio
        self.image_token, self.video_token = "<image>", "<video>"
        chat_template = chat_template or default_chat_template()
        if image_processor is None:
            image_processor = default_image_processor(video_processor)
        super().__init__(video_processor, tokenizer, image_processor, chat_template=chat_template)
        for token in (self.image_token, self.video_token):
            if token not in tokenizer.get_vocab():
                raise ValueError(f"The tokenizer {tokenizer.name_or_path!r} does not know {token} as a token.")
        self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
        self.video_token_id = tokenizer.convert_tokens_to_ids(self.video_token)
        if not re.fullmatch(r"anyres_max_[1-9]\d*", vision_aspect_ratio):
            raise ValueError(f"vision_aspect_ratio={vision_aspect_ratio!r} must be 'anyres_max_' and a number.")
        self.num_video_tokens(1)  # raises an error for invalid settings

    @property
    def card_source(self) -> str:
        return self.tokenizer.name_or_path

    def save_files(self, save_directory, *args, **kwargs) -> Any:
        # `pipeline(..., dtype=torch.float32)` hands its dtype to the tokenizer too, which could not write it.
        self.tokenizer.init_kwargs.pop("dtype", None)
        return super().save_files(save_directory, *args, **kwargs)

    def num_video_tokens(self, num_frames: int) -> int:
        """Number of visual tokens of a video of which `num_frames` frames were sampled."""
        if num_frames < 1:
            raise ValueError(f"num_frames={num_frames} must be at least 1.")
        side = pooled_side(self.patches_per_side, mode=self.spatial_pool_mode, stride=self.spatial_pool_stride)
        num_maps = count_scenes(num_frames, num_scenes=self.num_scenes)
        return count_tokens(num_maps, side=side, newline_position=self.newline_position)

    def num_image_tokens(self, image_size: tuple[int, int], *, is_alone: bool = True) -> int:
        """Number of visual tokens of an image `(height, width)`, alone in its prompt or one of several."""
        if not is_alone:
            return count_overview_tokens(self.patches_per_side)
        return count_image_tokens(
            image_size,
            patches_per_side=self.patches_per_side,
            tile_size=self.image_processor.size["height"],
            grid_pinpoints=self.image_processor.image_grid_pinpoints,
            max_tiles=int(self.vision_aspect_ratio.removeprefix("anyres_max_")),
        )

    def _get_num_multimodal_tokens(
        self, image_sizes=None, video_sizes=None, timestamps: str | None = None, **kwargs
    ) -> MultiModalData:
        """
        Placeholders of images and videos of these sizes: the name and the form in which vLLM asks for them.

        Args:
            image_sizes: (height, width) of each image.
            video_sizes: (frames, height, width) of each video. For prompts with the times of scenes the count is that
                of a video of just under 1,000 seconds.
            timestamps: as in a call.
        """
        counts = {}
        if image_sizes is not None:
            counts["num_image_tokens"] = [self.num_image_tokens(tuple(size)) for size in image_sizes]
            counts["num_image_patches"] = [1] * len(image_sizes)  # rows of `pixel_values`
        if video_sizes is not None:
            num_frames = [size[0] for size in video_sizes]
            counts["num_video_tokens"] = [self._num_placeholders(count, timestamps) for count in num_frames]
        return MultiModalData(**counts)

    def _num_placeholders(self, num_frames: int, timestamps: str | None) -> int:
        """Placeholders of a video: its visual tokens and, where only the model knows the times, the times' tokens."""
        num_tokens = self.num_video_tokens(num_frames)
        if self._timestamps(timestamps) not in TIMES_OF_SCENES:
            return num_tokens
        num_digits = tokenize_times(self.tokenizer, [999.9], 999.9).shape[1]
        return num_tokens + num_digits * count_scenes(num_frames, num_scenes=self.num_scenes)

    def __call__(
        self, images=None, text=None, videos=None, audio=None, **kwargs: Unpack[FilaVideoProcessorKwargs]
    ) -> BatchFeature:
        """
        Args:
            images: PIL images, arrays, paths or URLs; a list, or a list of lists, one for each prompt.
            text (`str` or `list[str]`): prompts, with an `<image>` for each image and a `<video>` for each video.
            videos: see [`FilaVideoVideoProcessor.preprocess`]; in the order of the `<video>` tokens.
            videos_kwargs: for the videos, and each may also be given directly: `num_frames`, `fps`, `max_frames`,
                `seek_mode`, `do_sample_frames`, `video_metadata`, `timestamps`, `return_metadata`,
                `url_timeout_seconds`, `url_total_seconds`, `url_max_bytes`, `url_policy`, `on_damage`, `max_pixels` and
                `max_seconds`. `return_metadata=True` adds `video_metadata`, a list of [`FilaVideoMetadata`].
            subtitles: `True` to write the text track of each video into the prompt, or a subtitle file (SubRip, WebVTT
                or ASS; a path, bytes, a file object or a URL), or a list with one entry for each video. Lines stand
                after the times of the video, each with its own times in seconds.
            subtitle_lines: `"all"` (default) for the subtitles on the screen at any time from the first to the last
                sampled frame, `"frames"` for those on the screen when a sampled frame is shown, or `"scenes"` for those
                on the screen at any time from the first to the last frame of a scene, which needs `subtitle_scenes`.
            subtitle_scenes: for each video its scenes, as `post_process_scenes` returns them; for
                `subtitle_lines="scenes"`. The pipeline finds them itself.
            subtitle_language: language of the text track, such as `"eng"`; by default the file's default track.
            max_subtitle_tokens (`int`, *optional*, defaults to 4096): if the subtitles of a video have more tokens,
                lines are left out evenly, with a warning that says how many.
            kwargs: for the tokenizer (`padding`, `return_tensors`, ...).

        Returns:
            [`BatchFeature`] with `input_ids` and `attention_mask` `(B, T)`; of videos `pixel_values_videos`
            `(V, N, 3, H, W)` and `video_frame_mask` `(V, N)`; of images `pixel_values` `(images, tiles, 3, H, W)`,
            `image_sizes` `(images, 2)` and `batch_num_images`; with the times of the scenes (`timestamps="selected"` or
            `"interleaved"`) also `frame_time_ids` `(V, N, digits)` and `times_are_interleaved` `(V,)`.

        Raises:
            `ValueError`: if text, images and videos do not fit, or truncation would cut through placeholders.
            `VideoReadError`: (an `OSError`) if a video cannot be read.
        """
        if audio is not None:
            raise ValueError(f"{type(self).__name__} takes text, images and videos, not audio.")
        # An empty list stands for "none"; transformers' image processor does not take it.
        images = images if count_images(images) else None
        kwargs = gather_video_arguments(kwargs)
        # By the video processor: in remote code, its classes are not those that this file would import.
        given = None if videos is None else self.video_processor.flatten_videos(videos)
        if text is not None and not kwargs.get("sanitize_control_tokens"):
            texts = [text] if isinstance(text, str) else list(text)
            self._check_placeholders(texts, self.video_token, len(given or []), "videos")
            self._check_placeholders(texts, self.image_token, count_images(images), "images")
        loaded = None
        if given is None:
            for name in ("loaded_videos", "video_memory"):
                kwargs["videos_kwargs"].pop(name, None)
        else:
            loaded, kwargs = self._load_videos(given, kwargs)
        return self._call_without_cutting_media(images=images, text=text, videos=loaded, **kwargs)

    def load_videos(self, conversations: list[Any], processor_kwargs: dict[str, Any]) -> list[LoadedVideo]:
        """
        Reads the videos of a list of conversations as [`apply_chat_template`] does with the same `processor_kwargs`. A
        dict `loaded_videos` among these keeps the videos for it, if it is given the same dict.

        Raises:
            `ValueError`: if an argument is out of range.
            `VideoReadError`: (an `OSError`) if a video cannot be read.
        """
        kwargs = gather_video_arguments(processor_kwargs)
        messages = [message for conversation in conversations for message in self._prepare_chat(conversation)]
        contents = [message.get("content") for message in messages]
        parts = [part for content in contents if isinstance(content, list) for part in content]
        videos = [part["video"] for part in parts if part.get("type") == "video" and "video" in part]
        if not videos:
            return []
        loading, shape = self._loading_arguments(kwargs["videos_kwargs"], kwargs)
        return self.video_processor.load_videos(videos, **loading, **shape)

    @staticmethod
    def _loading_arguments(options: dict[str, Any], kwargs: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Returns the arguments that choose frames, and those about their shape."""
        loading = {name: options[name] for name in LOADING_ARGUMENTS if name in options}
        return loading, {name: options.get(name, kwargs.get(name)) for name in SHAPE_ARGUMENTS}

    def _load_videos(self, videos: list[Any], kwargs: dict[str, Any]) -> tuple[list[LoadedVideo], dict[str, Any]]:
        """Loads the videos, with the tokens of their times if the prompt needs them; leaves the other arguments."""
        options = dict(kwargs.pop("videos_kwargs", {}))
        loading, shape = self._loading_arguments(options, kwargs)
        options = {name: value for name, value in options.items() if name not in loading}
        about_subtitles = SubtitleOptions(**{name: options.pop(name, None) for name in SUBTITLE_ARGUMENTS})
        subtitles = about_subtitles.sources(videos)  # raises an error before a video is read
        loaded = self.video_processor.load_videos(videos, **loading, **shape)
        has_lines = any(video.metadata.subtitle_lines is not None for video in loaded)
        if has_lines or any(source is not None for source in subtitles):
            loaded = self._with_subtitles(subtitles, loaded, about_subtitles, loading)
        timestamps = self._timestamps(options.get("timestamps"))
        if timestamps in TIMES_OF_SCENES:
            loaded = [self._with_times(video, place, timestamps) for place, video in enumerate(loaded)]
        if options.pop("return_metadata", False):
            kwargs["return_metadata"] = True
        else:
            options["return_metadata"] = True  # for the timestamps; transformers does not return it
        return loaded, {**kwargs, "videos_kwargs": options}

    def _with_subtitles(
        self, sources: list[Any], loaded: list[LoadedVideo], options: SubtitleOptions, loading: dict[str, Any]
    ) -> list[LoadedVideo]:
        """The videos with the text of their subtitles, which are read with the limits of the video processor."""
        given = {name: loading[name] for name in READER_ARGUMENTS if name in loading}
        return write_subtitles(
            sources,
            loaded,
            options,
            reader_options=self.video_processor.reader_options_of(given),
            count_tokens=lambda text: len(self.tokenizer(text, add_special_tokens=False)["input_ids"]),
            markers=[*self.tokenizer.all_special_tokens, *self.tokenizer.get_added_vocab()],
        )

    def pixel_settings(self, kwargs: dict[str, Any]) -> str:
        """Returns what determines the pixels of videos in addition to the frames that a call with `kwargs` samples."""
        kwargs = gather_video_arguments(kwargs)
        return self.video_processor.pixel_settings({**kwargs, **kwargs["videos_kwargs"]})

    def gives_bytes(self, kwargs: dict[str, Any]) -> bool:
        """Whether a call with `kwargs` gives the frames of files as they are read, without normalization of its own."""
        kwargs = gather_video_arguments(kwargs)
        return self.video_processor.gives_bytes({**kwargs, **kwargs["videos_kwargs"]})

    def _timestamps(self, given: str | None) -> str:
        """Returns the value given in the call, or else the setting of this processor."""
        return check_choice("timestamps", self.timestamps if given is None else given, TIMESTAMPS)

    def _with_times(self, video: LoadedVideo, place: int, timestamps: str) -> LoadedVideo:
        _check_has_timestamps(video.metadata, place, timestamps)
        ids = tokenize_times(self.tokenizer, video.metadata.timestamps, video.metadata.duration_seconds)
        return video.with_times(ids, are_interleaved=timestamps == "interleaved")

    def _check_placeholders(self, texts: list[str], token: str, num_given: int, kind: str) -> None:
        found = sum(text.count(token) for text in texts)
        if found != num_given:
            raise ValueError(
                f"The text holds {found} {token} but {num_given} {kind} are given: each needs one {token} in the text, "
                "which apply_chat_template writes for each one in a message."
            )

    def _call_without_cutting_media(self, **kwargs) -> BatchFeature:
        try:
            return super().__call__(**kwargs)
        except ValueError as error:
            options = {**kwargs, **kwargs.get("text_kwargs", {})}
            if not options.get("truncation") or (kwargs["videos"] is None and kwargs["images"] is None):
                raise
            needed, limit = self._longest_prompt(kwargs), options.get("max_length") or self.tokenizer.model_max_length
            if needed <= limit:
                raise
            raise ValueError(
                f"Truncation to max_length={limit} tokens would cut through the placeholders of a video or image: the "
                f"longest prompt needs {needed}. Raise max_length, leave out truncation, or sample fewer frames."
            ) from error

    def _longest_prompt(self, kwargs: dict[str, Any]) -> int:
        """Tokens of the longest prompt, without truncation."""
        untruncated = {"truncation": False, "max_length": None, "padding": False, "return_tensors": None}
        whole = {name: value for name, value in kwargs.items() if name not in untruncated}
        whole["text_kwargs"] = {**kwargs.get("text_kwargs", {}), **untruncated}
        return max(len(ids) for ids in super().__call__(**whole)["input_ids"])

    def replace_image_token(self, image_inputs: dict, image_idx: int, **kwargs) -> str:
        """The text that stands in the prompt for an image: its placeholders."""
        counts = [int(count) for count in image_inputs["batch_num_images"]]
        is_alone = [count == 1 for count in counts for _ in range(count)][image_idx]
        height, width = (int(side) for side in image_inputs["image_sizes"][image_idx])
        return self.image_token * self.num_image_tokens((height, width), is_alone=is_alone)

    def replace_video_token(self, video_inputs: dict, video_idx: int, timestamps: str | None = None, **kwargs) -> str:
        """
        The text that stands in the prompt for a video: its placeholders and times, as `timestamps` says, and its
        subtitles. A time that only the model knows stands as placeholders too, one for each of its tokens.
        """
        metadata: FilaVideoMetadata = video_inputs["video_metadata"][video_idx]
        text = self._text_of_video(video_inputs, video_idx, timestamps)
        return f"{text}\n{metadata.subtitle_text}" if metadata.subtitle_text else text

    def _text_of_video(self, video_inputs: dict, video_idx: int, timestamps: str | None) -> str:
        """The placeholders and times of a video."""
        metadata: FilaVideoMetadata = video_inputs["video_metadata"][video_idx]
        num_frames = len(metadata.frames_indices)
        num_tokens = self.num_video_tokens(num_frames)
        timestamps = self._timestamps(timestamps)
        if timestamps == "none":
            return self.video_token * num_tokens
        _check_has_timestamps(metadata, video_idx, timestamps)
        has_times_of_scenes = timestamps in TIMES_OF_SCENES
        return lay_out_times(
            self.video_token,
            num_tokens,
            timestamps,
            seconds=metadata.timestamps,
            duration_seconds=metadata.duration_seconds,
            num_scenes=count_scenes(num_frames, num_scenes=self.num_scenes),
            num_digits=count_digits(video_inputs["frame_time_ids"][video_idx]) if has_times_of_scenes else 0,
        )

    def apply_chat_template(self, conversation, *args, processor_kwargs: dict[str, Any] | None = None, **kwargs):
        """
        [`ProcessorMixin.apply_chat_template`]. Arguments for videos (`num_frames`, `fps`, ...) may be given directly
        or in `processor_kwargs`, with the same result; in both places, it is an error.

        Raises:
            `ValueError`: if an argument is given in both places, or `return_assistant_tokens_mask` before transformers
                5.18, which would not mark what follows a video, or `sanitize_control_tokens` where transformers does
                not know it.
        """
        if kwargs.get("return_assistant_tokens_mask"):
            check_assistant_masks()
        if kwargs.get("sanitize_control_tokens"):
            check_sanitizing()
        processor_kwargs = dict(processor_kwargs or {})
        direct = {name: kwargs.pop(name) for name in (*VIDEO_ARGUMENTS, "videos_kwargs") if name in kwargs}
        check_given_once(direct, "processor_kwargs", processor_kwargs)
        processor_kwargs = gather_video_arguments({**processor_kwargs, **direct})
        conversation = self._prepare_chat(conversation)
        return super().apply_chat_template(conversation, *args, processor_kwargs=processor_kwargs, **kwargs)

    def normalize_messages(self, messages: Any) -> list[Any]:
        """The messages of a conversation, with their parts in one form. See [`chat_parts.normalize_parts`]."""
        return [
            {**message, "content": normalize_parts(message["content"])}
            if isinstance(message, Mapping) and "content" in message
            else message
            for message in messages
        ]

    def _prepare_chat(self, conversation: Any) -> Any:
        """One conversation or a list of them, with videos as [`load_videos`] takes them."""
        if not isinstance(conversation, (list, tuple)):
            return conversation
        if conversation and isinstance(conversation[0], (list, tuple)):
            return [self._prepare_chat(messages) for messages in conversation]
        messages = self.normalize_messages(conversation)
        for message in messages:
            if isinstance(message, dict) and isinstance(message.get("content"), list):
                message["content"] = [self._prepare_part(part) for part in message["content"]]
        return messages

    def _prepare_part(self, part: Any) -> Any:
        if not isinstance(part, Mapping) or part.get("type") != "video" or "video" not in part:
            return part
        options = {name: value for name, value in part.items() if name not in ("type", "video")}
        return {"type": "video", "video": self.video_processor.as_one_video(part["video"], options)}

    def post_process_scenes(self, features, video_metadata: list[FilaVideoMetadata]) -> list[list[dict[str, Any]]]:
        """
        The scenes that the model looked at, in seconds.

        Args:
            features: what the model's `get_video_features` returned, or any output with `scene_frame_indices`
                `(V, S, K)` and `scene_representatives` `(V, S)`, -1 where a video has fewer scenes.
            video_metadata: of the V videos, from `return_metadata=True`.

        Returns:
            for each video a list of scenes: `representative_seconds` and `frame_seconds`, in seconds from the start,
            or `representative_frame` and `frames`, indices, where the video was given as frames without times.
        """
        return describe_scenes(features, video_metadata)


def count_images(images: Any) -> int:
    """Images in a list, however nested; a single one counts as one."""
    if images is None:
        return 0
    return sum(map(count_images, images)) if isinstance(images, (list, tuple)) else 1


def _check_has_timestamps(metadata: FilaVideoMetadata, place: int, timestamps: str) -> None:
    if not metadata.has_timestamps:
        raise ValueError(
            f"Video {place} is given as frames without times, and timestamps={timestamps!r} writes times into "
            "the prompt: give source_fps, the frames per second of the source, or video_metadata with 'fps' or "
            "'frame_seconds', or use timestamps='none'."
        )


FilaVideoProcessor.register_for_auto_class()

__all__ = ["FilaVideoProcessor"]
