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
Generation with videos: each video is encoded once, then reused by every beam, sampled sequence and decoding step.
"""

from typing import Any

import torch
from transformers import GenerationMixin

from .outputs import CACHE_NAME
from .placeholders import with_scene_times


# What `forward` takes of each modality: the pixels first.
MEDIA_INPUTS = {
    "image": ("pixel_values", "image_sizes", "batch_num_images"),
    "video": ("pixel_values_videos", "video_frame_mask", "frame_time_ids"),
}
ONLY_IN_THE_FIRST_PASS = (
    "mm_encoder_outputs",
    "scene_time_slots",
    "frames_per_chunk",
    *MEDIA_INPUTS["image"],
    *MEDIA_INPUTS["video"],
)


def media_per_row(num_placeholders: list[int], lengths: list[int], modality: str = "video") -> list[int]:
    """
    How many consecutive videos, or images, belong to each row of a batch.

    Args:
        num_placeholders (`list[int]` of length B): placeholder tokens in each row.
        lengths (`list[int]` of length V): visual tokens of each video, in the order of the placeholders.

    Returns:
        `list[int]` of length B, which adds up to V.

    Raises:
        `ValueError`: if no such split exists; the message states both counts.
    """
    counts, found = [], []
    remaining = list(lengths)
    for needed in num_placeholders:
        taken = []
        while sum(taken) < needed and remaining:
            taken.append(remaining.pop(0))
        counts.append(len(taken))
        found.append(sum(taken))
    if found != list(num_placeholders) or remaining:
        raise ValueError(
            f"The prompts hold {num_placeholders} {modality} placeholder tokens, but the {modality}s give {lengths} "
            f"visual tokens: no whole number of {modality}s fits each prompt."
        )
    return counts


def repeat_media(media: list[torch.Tensor], counts: list[int], times: int) -> list[torch.Tensor]:
    """
    Repeats each row's videos as a group, as `generate` repeats the rows: `[a, b | c]` twice is `[a, b, a, b | c, c]`.
    """
    ends = torch.tensor(counts).cumsum(0).tolist()
    groups = [media[end - count : end] for count, end in zip(counts, ends, strict=True)]
    return [item for group in groups for _ in range(times) for item in group]


class VideoAssistant:
    """
    A smaller model of the same class that drafts tokens (assisted decoding) and looks at the images and videos itself:
    transformers would hand it the features of the model that it assists, which have another width.

    Args:
        model: the smaller model; it must make as many visual tokens of a video.
        model_kwargs (`dict[str, Any]`): what `generate` was given, with the pixels.

    Raises:
        `ValueError`: if features were given instead of pixels.
    """

    def __init__(self, model: GenerationMixin, model_kwargs: dict[str, Any]):
        if any((model_kwargs.get("mm_encoder_outputs") or {}).values()):
            raise ValueError(
                "An assistant_model has to look at the images and videos itself: give pixel_values or "
                "pixel_values_videos, not mm_encoder_outputs, which one model makes for itself only."
            )
        names = [name for names in MEDIA_INPUTS.values() for name in names]
        self.media = {name: model_kwargs[name].to(model.device) for name in names if model_kwargs.get(name) is not None}
        self.features = None
        self.model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def generate(self, *args, **kwargs):
        """Drafts the next tokens. The images and videos are encoded in the first of many calls."""
        if self.features is None:
            self.features = self.model._pop_features(dict(self.media))
        kwargs = {name: value for name, value in kwargs.items() if name not in self.media}
        return self.model.generate(*args, **{**kwargs, "mm_encoder_outputs": self.features})


class VideoGenerationMixin(GenerationMixin):
    """
    [`GenerationMixin`] for a model whose `forward` takes `mm_encoder_outputs`, on every supported transformers version.

    `generate(**text_inputs, mm_encoder_outputs={"video": features})` uses features that `get_video_features` gave, so
    that a video is encoded once and asked many times. The features are not changed.
    """

    def generate(self, *args, assistant_model=None, **kwargs):
        """As [`GenerationMixin.generate`]; an `assistant_model` of this class looks at the images and videos itself."""
        own_type = self.config.model_type
        if getattr(getattr(assistant_model, "config", None), "model_type", None) == own_type:
            assistant_model = VideoAssistant(assistant_model, kwargs)
        encoded = kwargs.get("mm_encoder_outputs") or {}
        if encoded.get("video") is not None:
            # Taken here, as transformers drops it with the pixels of what is encoded already.
            video = with_scene_times(encoded["video"], kwargs.pop("frame_time_ids", None))
            kwargs["mm_encoder_outputs"] = {**encoded, "video": video}
        return super().generate(*args, assistant_model=assistant_model, **kwargs)

    def prepare_inputs_for_generation(
        self, input_ids, inputs_embeds=None, is_first_iteration=False, **kwargs
    ) -> dict[str, Any]:
        # transformers never calls an assistant's pass the first one; with an empty cache it is.
        cache = kwargs.get(CACHE_NAME)
        if kwargs.get("mm_encoder_outputs") and cache is not None and not cache.is_compileable:
            is_first_iteration = is_first_iteration or cache.get_seq_length() == 0
        # transformers allows `inputs_embeds` in `generate` where this signature names it.
        model_inputs = super().prepare_inputs_for_generation(
            input_ids, inputs_embeds=inputs_embeds, is_first_iteration=is_first_iteration, **kwargs
        )
        # The first pass has put the videos into the cache.
        if not is_first_iteration and kwargs.get("use_cache", True):
            for name in ONLY_IN_THE_FIRST_PASS:
                model_inputs.pop(name, None)
        return model_inputs

    def _expand_inputs_for_generation(self, expand_size=1, is_encoder_decoder=False, input_ids=None, **model_kwargs):
        features = {}
        if expand_size > 1:
            # transformers repeats tensors row by row, which mixes up the videos of prompts with more than one.
            features = self._pop_features(model_kwargs)
        repeated = {
            modality: self._repeat(modality, output, input_ids, model_kwargs.get("inputs_embeds"), expand_size)
            for modality, output in features.items()
        }
        input_ids, model_kwargs = super()._expand_inputs_for_generation(
            expand_size=expand_size, is_encoder_decoder=is_encoder_decoder, input_ids=input_ids, **model_kwargs
        )
        if repeated:
            model_kwargs["mm_encoder_outputs"] = repeated
        return input_ids, model_kwargs

    def _repeat(self, modality: str, output, input_ids, inputs_embeds, times: int):
        """Features with the visual tokens of each row repeated; what else they hold counts by video and stays."""
        tokens = list(output.pooler_output)
        mask = self.base_model.get_placeholder_mask(modality, input_ids, inputs_embeds)
        counts = media_per_row(mask.sum(-1).tolist(), [len(item) for item in tokens], modality)
        return type(output)(**{**output, "pooler_output": repeat_media(tokens, counts, times)})

    def _pop_features(self, model_kwargs: dict[str, Any]) -> dict[str, Any]:
        """Takes images and videos out of `model_kwargs`, encoded if they were not yet."""
        features = dict(model_kwargs.pop("mm_encoder_outputs", None) or {})
        encoders = {"image": self.get_image_features, "video": self.get_video_features}
        for modality, (pixels, *others) in MEDIA_INPUTS.items():
            inputs = {name: model_kwargs.pop(name, None) for name in (pixels, *others)}
            if inputs[pixels] is not None:
                features[modality] = encoders[modality](
                    **inputs, frames_per_chunk=model_kwargs.get("frames_per_chunk"), return_dict=True
                )
        return features
