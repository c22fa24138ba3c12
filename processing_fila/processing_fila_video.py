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
Conversations about videos -> what the model takes. Shape letters: B prompts, T tokens of a prompt, V videos, N frames.
"""

import re
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import BatchFeature, LlavaOnevisionImageProcessor, ProcessorMixin
from transformers.processing_utils import ProcessingKwargs, Unpack

from .image_tokens import count_image_tokens, count_overview_tokens
from .time_slots import find_slots, pad_time_ids, slot_width, time_text, tokenize_times
from .timestamps import VideoText, append_times, interleave_times
from .video_input import flatten_videos
from .video_metadata import FilaVideoMetadata
from .video_processing_fila_video import (
    LOADING_ARGUMENTS,
    SHAPE_ARGUMENTS,
    FilaVideoVideoProcessor,
    FilaVideoVideosKwargs,
)
from .video_tokens import count_scenes, count_tokens, pooled_side


TIMESTAMPS = ("sampled", "selected", "interleaved", "none")
# Those with the times of the scenes, which only the model knows.
TIMES_OF_SCENES = ("selected", "interleaved")
# Arguments of this processor that concern videos alone, so that they can be told from those of the tokenizer.
VIDEO_ARGUMENTS = (*LOADING_ARGUMENTS, "timestamps", "return_metadata")


class FilaVideoProcessorKwargs(ProcessingKwargs, total=False):
    videos_kwargs: FilaVideoVideosKwargs

    _defaults = {}  # a TypedDict inherits no values, and transformers 5.17 reads this one


class FilaVideoProcessor(ProcessorMixin):
    """
    Brings a video processor, an image processor and a tokenizer together: replaces each `<video>` by as many
    placeholders as the video becomes visual tokens, followed by the sentence that says when the frames were shown, and
    each `<image>` likewise.

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
            model fills in when it has selected them; `"interleaved"` writes each of these times before its scene's
            visual tokens instead; `"none"` writes none.
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
        self.timestamps = _check_timestamps(timestamps)
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
        self.num_video_tokens(1)  # refuses what cannot be counted with

    @property
    def model_input_names(self) -> list[str]:
        return [*super().model_input_names, "frame_time_ids", "scene_time_slots"]

    def num_video_tokens(self, num_frames: int) -> int:
        """Visual tokens, and so placeholders, of a video of which `num_frames` frames were sampled."""
        if num_frames < 1:
            raise ValueError(f"num_frames={num_frames} must be at least 1.")
        side = pooled_side(self.patches_per_side, mode=self.spatial_pool_mode, stride=self.spatial_pool_stride)
        num_maps = count_scenes(num_frames, num_scenes=self.num_scenes)
        return count_tokens(num_maps, side=side, newline_position=self.newline_position)

    def num_image_tokens(self, image_size: tuple[int, int], *, is_alone: bool = True) -> int:
        """Visual tokens, and so placeholders, of an image `(height, width)`, alone in its prompt or one of several."""
        if not is_alone:
            return count_overview_tokens(self.patches_per_side)
        return count_image_tokens(
            image_size,
            patches_per_side=self.patches_per_side,
            tile_size=self.image_processor.size["height"],
            grid_pinpoints=self.image_processor.image_grid_pinpoints,
            max_tiles=int(self.vision_aspect_ratio.removeprefix("anyres_max_")),
        )

    def __call__(
        self, images=None, text=None, videos=None, audio=None, **kwargs: Unpack[FilaVideoProcessorKwargs]
    ) -> BatchFeature:
        """
        Args:
            images: PIL images, arrays, paths or URLs; a list, or a list of lists, one for each prompt.
            text (`str` or `list[str]`): prompts, with an `<image>` for each image and a `<video>` for each video.
            videos: see [`FilaVideoVideoProcessor.preprocess`]; in the order of the `<video>` tokens.
            num_frames, fps, max_frames, seek_mode, do_sample_frames, video_metadata, timestamps, return_metadata: for
                the videos, here or in `videos_kwargs`. `return_metadata=True` adds `video_metadata`, a list of
                [`FilaVideoMetadata`].
            kwargs: for the tokenizer (`padding`, `return_tensors`, ...).

        Returns:
            [`BatchFeature`] with `input_ids` and `attention_mask` `(B, T)`; of videos `pixel_values_videos`
            `(V, N, 3, H, W)` and `video_frame_mask` `(V, N)`; of images `pixel_values` `(I, G, 3, H, W)`,
            `image_sizes` `(I, 2)` and `batch_num_images`; with the times of the scenes (`timestamps="selected"` or
            `"interleaved"`) also `frame_time_ids` `(V, N, digits)` and `scene_time_slots` `(B, T)`.

        Raises:
            `ValueError`: if text, images and videos do not fit, or truncation would cut through placeholders.
            `VideoReadError`: (an `OSError`) if a video cannot be read.
        """
        if audio is not None:
            raise ValueError(f"{type(self).__name__} takes text, images and videos, not audio.")
        kwargs = gather_video_arguments(kwargs)
        videos = None if videos is None else flatten_videos(videos)
        if text is not None and not kwargs.get("sanitize_control_tokens"):
            texts = [text] if isinstance(text, str) else list(text)
            self._check_placeholders(texts, self.video_token, len(videos or []), "videos")
            self._check_placeholders(texts, self.image_token, count_images(images), "images")
        if videos is not None:
            videos, kwargs = self._load_videos(videos, kwargs)
        call = {"images": images, "text": text, "videos": videos, **kwargs}
        timestamps = kwargs["videos_kwargs"].get("timestamps") or self.timestamps
        if timestamps in TIMES_OF_SCENES and videos is not None and text is not None:
            return self._call_with_time_slots(call, timestamps)
        return self._call_without_cutting_media(**call)

    def _load_videos(self, videos: list[Any], kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Reads the videos, so that what follows has to do with arrays only."""
        options = dict(kwargs.pop("videos_kwargs", {}))
        loading = {name: options.pop(name) for name in LOADING_ARGUMENTS if name in options}
        shape = {name: options.get(name, kwargs.get(name)) for name in SHAPE_ARGUMENTS}
        frames, metadata = self.video_processor.load_videos(videos, **loading, **shape)
        # Sampled already: `None`, as transformers fills in what `from_pretrained` was given.
        options |= {"video_metadata": metadata, "do_sample_frames": False, "num_frames": None, "fps": None}
        if loading.get("max_frames") is not None:
            options["max_frames"] = loading["max_frames"]
        if options.pop("return_metadata", False):
            kwargs["return_metadata"] = True
        else:
            options["return_metadata"] = True  # for the timestamps; it stays inside
        return frames, {**kwargs, "videos_kwargs": options}

    def _check_placeholders(self, texts: list[str], token: str, num_given: int, kind: str) -> None:
        found = sum(text.count(token) for text in texts)
        if found != num_given:
            raise ValueError(
                f"The text holds {found} {token} but {num_given} {kind} are given: each needs one {token} in the text, "
                "which apply_chat_template writes for each one in a message."
            )

    def _call_with_time_slots(self, call: dict[str, Any], timestamps: str) -> BatchFeature:
        """
        With the times of [`replace_video_token`] found again among the tokens, and the times to choose from.
        """
        asked = call
        call = {**call, "return_offsets_mapping": True, "return_text_replacement_offsets": True}
        inputs = self._call_without_cutting_media(**call)
        offsets = inputs["offset_mapping"]
        if torch.is_tensor(offsets):
            offsets = offsets.tolist()  # element by element, a tensor is far slower
        replacements = inputs["text_replacement_offsets"]
        if not asked.get("return_offsets_mapping"):
            del inputs["offset_mapping"]
        if not asked.get("return_text_replacement_offsets"):  # as the mask of the assistant's words does
            del inputs["text_replacement_offsets"]
        metadata: list[FilaVideoMetadata] = call["videos_kwargs"]["video_metadata"]
        widths = [self._slot_width(video) for video in metadata]
        time_ids = [
            tokenize_times(self.tokenizer, video.timestamps, width)
            for video, width in zip(metadata, widths, strict=True)
        ]
        inputs["frame_time_ids"] = pad_time_ids(time_ids)
        texts = [self._video_text(video, timestamps, width) for video, width in zip(metadata, widths, strict=True)]
        inputs["scene_time_slots"] = self._time_slots(inputs, offsets, replacements, texts, time_ids)
        return_tensors = call.get("return_tensors") or call.get("text_kwargs", {}).get("return_tensors")
        inputs.convert_to_tensors(return_tensors, skip_tensor_conversion=self.skip_tensor_conversion)
        if "text_replacement_offsets" in inputs and "offset_mapping" in inputs:
            inputs["offset_mapping"] = offsets  # for the mask of the assistant's words: the same
        return inputs

    def _time_slots(self, inputs, offsets, replacements, video_texts, time_ids) -> torch.LongTensor:
        """`(B, T)`: the place of each token's id among the flattened times of all scenes, -1 beside the slots."""
        slots = [torch.full((len(ids),), -1, dtype=torch.long) for ids in inputs["input_ids"]]
        num_scenes = max(count_scenes(len(ids), num_scenes=self.num_scenes) for ids in time_ids)
        num_digits = max(ids.shape[1] for ids in time_ids)
        video = 0
        for row, row_offsets, row_replacements in zip(slots, offsets, replacements, strict=True):
            for replacement in row_replacements:
                if replacement["type"] != "video":
                    continue
                start = replacement["new_span"][0]
                spans = [(start + first, start + end) for first, end in video_texts[video].time_spans]
                for token, scene, digit in find_slots(row_offsets, spans, time_ids[video].shape[1]):
                    row[token] = (video * num_scenes + scene) * num_digits + digit
                video += 1
        return pad_sequence(slots, batch_first=True, padding_value=-1)

    def _video_text(self, metadata: FilaVideoMetadata, timestamps: str, width: int) -> VideoText:
        """What stands in the prompt for a video whose scenes are not known yet: their times are zeros."""
        num_frames = len(metadata.frames_indices)
        num_scenes = count_scenes(num_frames, num_scenes=self.num_scenes)
        slots = [time_text(0, width)] * num_scenes
        write = interleave_times if timestamps == "interleaved" else append_times
        return write(self.video_token, self.num_video_tokens(num_frames), slots, metadata.duration_seconds)

    def _slot_width(self, metadata: FilaVideoMetadata) -> int:
        return slot_width(self.tokenizer, metadata.timestamps, metadata.duration_seconds)

    def _call_without_cutting_media(self, **kwargs) -> BatchFeature:
        try:
            return super().__call__(**kwargs)
        except ValueError as error:
            options = {**kwargs, **kwargs.get("text_kwargs", {})}
            if not options.get("truncation") or (kwargs["videos"] is None and kwargs["images"] is None):
                raise
            untruncated = {"truncation": False, "max_length": None, "padding": False, "return_tensors": None}
            whole = {name: value for name, value in kwargs.items() if name not in untruncated}
            whole["text_kwargs"] = {**kwargs.get("text_kwargs", {}), **untruncated}
            needed = max(len(ids) for ids in super().__call__(**whole)["input_ids"])
            limit = options.get("max_length") or self.tokenizer.model_max_length
            if needed <= limit:
                raise
            raise ValueError(
                f"Truncation to max_length={limit} tokens would cut through the placeholders of a video or image: the "
                f"longest prompt needs {needed}. Raise max_length, leave out truncation, or sample fewer frames."
            ) from error

    def replace_image_token(self, image_inputs: dict, image_idx: int, **kwargs) -> str:
        """What stands in the prompt for an image: its placeholders."""
        counts = [int(count) for count in image_inputs["batch_num_images"]]
        is_alone = [count == 1 for count in counts for _ in range(count)][image_idx]
        height, width = (int(side) for side in image_inputs["image_sizes"][image_idx])
        return self.image_token * self.num_image_tokens((height, width), is_alone=is_alone)

    def replace_video_token(self, video_inputs: dict, video_idx: int, timestamps: str | None = None, **kwargs) -> str:
        """What stands in the prompt for a video: its placeholders and, as `timestamps` says, times."""
        metadata: FilaVideoMetadata = video_inputs["video_metadata"][video_idx]
        num_tokens = self.num_video_tokens(len(metadata.frames_indices))
        timestamps = _check_timestamps(self.timestamps if timestamps is None else timestamps)
        if timestamps == "none":
            return self.video_token * num_tokens
        if not metadata.has_timestamps:
            raise ValueError(
                f"Video {video_idx} is given as frames without times, and timestamps={timestamps!r} writes times into "
                "the prompt: give video_metadata with 'fps' or 'frame_seconds', or use timestamps='none'."
            )
        if timestamps in TIMES_OF_SCENES:
            return self._video_text(metadata, timestamps, self._slot_width(metadata)).text
        times = [f"{seconds:.1f}" for seconds in metadata.timestamps]
        return append_times(self.video_token, num_tokens, times, metadata.duration_seconds).text

    def apply_chat_template(self, conversation, *args, processor_kwargs: dict[str, Any] | None = None, **kwargs):
        """
        [`ProcessorMixin.apply_chat_template`]. Arguments for videos (`num_frames`, `fps`, ...) may be given directly
        or in `processor_kwargs`, with the same result; in both places, it is an error.

        Raises:
            `ValueError`: if an argument is given in both places, or `return_assistant_tokens_mask` before transformers
                5.18, which would not mark what follows a video.
        """
        if kwargs.get("return_assistant_tokens_mask"):
            check_assistant_masks()
        processor_kwargs = dict(processor_kwargs or {})
        direct = {name: kwargs.pop(name) for name in (*VIDEO_ARGUMENTS, "videos_kwargs") if name in kwargs}
        _check_given_once(direct, "processor_kwargs", processor_kwargs)
        processor_kwargs = gather_video_arguments({**processor_kwargs, **direct})
        return super().apply_chat_template(conversation, *args, processor_kwargs=processor_kwargs, **kwargs)

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
        return [
            [
                _describe_scene(representative, frames, metadata)
                for representative, frames in zip(representatives, scenes, strict=True)
                if representative >= 0
            ]
            for representatives, scenes, metadata in zip(
                features.scene_representatives.tolist(),
                features.scene_frame_indices.tolist(),
                video_metadata,
                strict=True,
            )
        ]


def count_images(images: Any) -> int:
    """Images in a list, however nested; a single one counts as one."""
    if images is None:
        return 0
    return sum(map(count_images, images)) if isinstance(images, (list, tuple)) else 1


def check_assistant_masks() -> None:
    """Before 5.18, transformers marks nothing of what follows a video."""
    installed = version("transformers")
    if tuple(map(int, installed.split(".")[:2])) < (5, 18):
        raise ValueError(f"return_assistant_tokens_mask=True needs transformers >= 5.18, and this is {installed}.")


def default_image_processor(video_processor: FilaVideoVideoProcessor) -> LlavaOnevisionImageProcessor:
    """LLaVA-OneVision's, with the size and normalisation of the video processor: its own are CLIP's, not SigLIP's."""
    side = video_processor.size["height"]
    return LlavaOnevisionImageProcessor(
        size={"height": side, "width": side},
        image_grid_pinpoints=[[rows * side, columns * side] for rows in range(1, 7) for columns in range(1, 7)],
        image_mean=video_processor.image_mean,
        image_std=video_processor.image_std,
    )


def default_chat_template() -> str | None:
    """The template beside this file; a folder from the Hub has its own, which transformers reads."""
    path = Path(__file__).with_name("chat_template.jinja")
    return path.read_text(encoding="utf-8") if path.is_file() else None


def gather_video_arguments(kwargs: dict[str, Any]) -> dict[str, Any]:
    """
    Puts the arguments for videos that were given directly into `videos_kwargs`.

    Raises:
        `ValueError`: if one is given in both places; the message names both values.
    """
    kwargs = dict(kwargs)
    options = dict(kwargs.pop("videos_kwargs", None) or {})
    direct = {name: kwargs.pop(name) for name in VIDEO_ARGUMENTS if name in kwargs}
    _check_given_once(direct, "videos_kwargs", options)
    return {**kwargs, "videos_kwargs": {**options, **direct}}


def _check_given_once(direct: dict[str, Any], name_of_other: str, other: dict[str, Any]) -> None:
    for name in direct.keys() & other.keys():
        raise ValueError(
            f"{name} is given twice: {name}={direct[name]!r} and {name_of_other}[{name!r}]={other[name]!r}."
        )


def _check_timestamps(timestamps: str) -> str:
    if timestamps not in TIMESTAMPS:
        raise ValueError(f"timestamps={timestamps!r} is unknown; choose one of {TIMESTAMPS}.")
    return timestamps


def _describe_scene(representative: int, frames: Iterable[int], metadata: FilaVideoMetadata) -> dict[str, Any]:
    if not metadata.has_timestamps:
        indices = metadata.frames_indices
        return {"representative_frame": indices[representative], "frames": [indices[frame] for frame in frames]}
    seconds = metadata.timestamps
    return {"representative_seconds": seconds[representative], "frame_seconds": [seconds[frame] for frame in frames]}


FilaVideoProcessor.register_for_auto_class()

__all__ = ["FilaVideoProcessor"]
