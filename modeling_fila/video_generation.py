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
"""Generation with videos: each video is encoded once, then reused by every beam, sampled sequence and decoding step.

Shape letters: V videos, B prompts, L visual tokens of a video or image, C width of the language model.
"""

from typing import Any

import torch
from transformers import GenerationMixin

from .modeling_compat import CACHE_NAME
from .time_embeddings import with_scene_times


# The arguments of `forward` that belong to each modality. The pixels come first.
MEDIA_INPUTS = {
    "image": ("pixel_values", "image_sizes", "batch_num_images"),
    "video": ("pixel_values_videos", "video_frame_mask", "frame_time_ids", "times_are_interleaved"),
}
ONLY_IN_THE_FIRST_PASS = (
    "mm_encoder_outputs",
    "frames_per_chunk",
    *MEDIA_INPUTS["image"],
    *MEDIA_INPUTS["video"],
)


def media_per_row(num_placeholders: list[int], lengths: list[int], modality: str = "video") -> list[int]:
    """Returns the number of consecutive videos, or images, that belong to each row of a batch.

    Args:
        num_placeholders: Number of placeholder tokens in each of the B rows.
        lengths: Number of visual tokens of each of the V videos, in the order of the placeholders.
        modality: `"image"` or `"video"`, for the error message.

    Returns:
        B numbers whose sum is V.

    Raises:
        ValueError: If no such split exists. The message states both counts.
    """
    counts, found = [], []
    remaining = list(lengths)
    for needed in num_placeholders:
        taken: list[int] = []
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
    """Repeats the videos of each row as a group, in the same way as `generate` repeats the rows.

    For example, `[a, b | c]` repeated twice is `[a, b, a, b | c, c]`.

    Args:
        media: The visual tokens of each of the V videos, each of shape (L, C).
        counts: Number of videos in each of the B rows.
        times: How often each row is repeated.
    """
    ends = torch.tensor(counts).cumsum(0).tolist()
    groups = [media[end - count : end] for count, end in zip(counts, ends, strict=True)]
    return [item for group in groups for _ in range(times) for item in group]


class VideoAssistant:
    """A smaller model of the same class that drafts tokens (assisted decoding) and encodes images and videos itself.

    transformers would pass it the features of the model that it assists, which have another width.

    Args:
        model: The smaller model. It must make the same number of visual tokens of a video as the assisted model.
        model_kwargs: The arguments of `generate`, with the pixels.

    Raises:
        ValueError: If features were given instead of pixels.
    """

    def __init__(self, model: Any, model_kwargs: dict[str, Any]):
        if any((model_kwargs.get("mm_encoder_outputs") or {}).values()):
            raise ValueError(
                "An assistant_model has to look at the images and videos itself: give pixel_values or "
                "pixel_values_videos, not mm_encoder_outputs, which only fit the model that made them."
            )
        names = [name for names in MEDIA_INPUTS.values() for name in names]
        self.media = {name: model_kwargs[name].to(model.device) for name in names if model_kwargs.get(name) is not None}
        self.features = None
        self.model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def generate(self, *args, **kwargs):
        """Drafts the next tokens. Only the first of many calls encodes the images and videos."""
        if self.features is None:
            self.features = self.model._pop_features(dict(self.media))
        kwargs = {name: value for name, value in kwargs.items() if name not in self.media}
        return self.model.generate(*args, **{**kwargs, "mm_encoder_outputs": self.features})


class VideoGenerationMixin(GenerationMixin):
    """
    [`GenerationMixin`] for a model whose `forward` takes `mm_encoder_outputs`, on every supported transformers version.

    `generate(**text_inputs, mm_encoder_outputs={"video": features})` uses features that `get_video_features` returned,
    so a video can be encoded once and asked many times. The features are not changed.
    """

    # What the class that inherits from this one brings.
    base_model: Any
    get_image_features: Any
    get_video_features: Any

    @torch.no_grad()
    def generate(self, *args, assistant_model=None, **kwargs):
        """See [`GenerationMixin.generate`]. An `assistant_model` of this class encodes images and videos itself."""
        own_type = self.config.model_type
        if getattr(getattr(assistant_model, "config", None), "model_type", None) == own_type:
            assistant_model = VideoAssistant(assistant_model, kwargs)
        encoded = kwargs.get("mm_encoder_outputs") or {}
        if encoded.get("video") is not None:
            # Used here, because transformers drops them together with the pixels if a video is already encoded.
            time_ids, interleaved = kwargs.pop("frame_time_ids", None), kwargs.pop("times_are_interleaved", None)
            video = with_scene_times(encoded["video"], time_ids, interleaved, self.get_input_embeddings())
            kwargs["mm_encoder_outputs"] = {**encoded, "video": video}
        return super().generate(*args, assistant_model=assistant_model, **kwargs)

    def prepare_inputs_for_generation(
        self, input_ids, inputs_embeds=None, is_first_iteration=False, **kwargs
    ) -> dict[str, Any]:
        # transformers never marks a pass of an assistant as the first one. A pass with an empty cache is the first.
        cache = kwargs.get(CACHE_NAME)
        if kwargs.get("mm_encoder_outputs") and cache is not None and not cache.is_compileable:
            is_first_iteration = is_first_iteration or cache.get_seq_length() == 0
        # `generate` accepts `inputs_embeds` only because this method's signature has it by name.
        model_inputs = super().prepare_inputs_for_generation(
            input_ids, inputs_embeds=inputs_embeds, is_first_iteration=is_first_iteration, **kwargs
        )
        # After the first pass, the videos are in the cache.
        if not is_first_iteration and kwargs.get("use_cache", True):
            for name in ONLY_IN_THE_FIRST_PASS:
                model_inputs.pop(name, None)
        return model_inputs

    def _expand_inputs_for_generation(self, expand_size=1, is_encoder_decoder=False, input_ids=None, **model_kwargs):
        features = {}
        if expand_size > 1:
            # transformers repeats tensors row by row, which would mix up the videos if a prompt has several.
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
        """Repeats the visual tokens of each row. The other fields are per video, and stay as they are."""
        tokens = list(output.pooler_output)
        mask = self.base_model.get_placeholder_mask(modality, input_ids, inputs_embeds)
        counts = media_per_row(mask.sum(-1).tolist(), [len(item) for item in tokens], modality)
        return type(output)(**{**output, "pooler_output": repeat_media(tokens, counts, times)})

    def _pop_features(self, model_kwargs: dict[str, Any]) -> dict[str, Any]:
        """Removes images and videos from `model_kwargs` and returns their features, encoding them if necessary."""
        features = dict(model_kwargs.pop("mm_encoder_outputs", None) or {})
        encoders = {"image": self.get_image_features, "video": self.get_video_features}
        for modality, (pixels, *others) in MEDIA_INPUTS.items():
            inputs = {name: model_kwargs.pop(name, None) for name in (pixels, *others)}
            if inputs[pixels] is not None:
                features[modality] = encoders[modality](
                    **inputs, frames_per_chunk=model_kwargs.get("frames_per_chunk"), return_dict=True
                )
        return features
