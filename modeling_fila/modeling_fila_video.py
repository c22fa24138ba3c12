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
FiLA-Video (arXiv 2504.20384). This file wires the parts; each part has a file of its own.

Shape letters: V videos, N frames, S scenes, K frames per scene, P patches of a frame, D width of the vision tower,
B prompts, T tokens of a prompt, L visual tokens of a video, C width of the language model.
"""

import math
from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModel, Cache, PreTrainedModel
from transformers import initialization as init
from transformers.activations import ACT2FN
from transformers.processing_utils import Unpack
from transformers.utils import ModelOutput, TransformersKwargs, can_return_tuple

from .configuration_fila import FilaVideoConfig
from .feature_maps import add_newlines, pool_feature_maps
from .image_features import lay_out_overview, lay_out_tiles, tile_grid
from .media_shapes import count_frames, count_tiles, groups_of_equal_length
from .outputs import (
    CACHE_NAME,
    FilaImageFeatures,
    FilaVideoCausalLMOutputWithPast,
    FilaVideoFeatures,
    FilaVideoModelOutputWithPast,
)
from .pipeline_fila import register_video_text_to_text
from .placeholders import check_given_once, replace_placeholders, times_of, with_scene_times
from .scene_merging import AttentionSceneMerging, WeightedSceneMerging, build_scene_merging
from .scene_selection import Scenes, find_scenes_of_each, frame_representations
from .video_generation import VideoGenerationMixin
from .vision_features import encode_frames


class FilaVideoMultiModalProjector(nn.Module):
    """The projector: two linear layers with an activation between (section 3.1)."""

    def __init__(self, config: FilaVideoConfig):
        super().__init__()
        width, bias = config.text_config.hidden_size, config.multimodal_projector_bias
        self.linear_1 = nn.Linear(config.vision_config.hidden_size, width, bias=bias)
        self.act = ACT2FN[config.projector_hidden_act]
        self.linear_2 = nn.Linear(width, width, bias=bias)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.linear_2(self.act(self.linear_1(features)))  # (S, P, D) -> (S, P, C)


class FilaVideoPreTrainedModel(PreTrainedModel):
    config: FilaVideoConfig
    base_model_prefix = "model"
    input_modalities = ("image", "video", "text")
    supports_gradient_checkpointing = True
    _no_split_modules = ["AttentionSceneMerging", "FilaVideoMultiModalProjector", "WeightedSceneMerging"]
    _skip_keys_device_placement = ["cache", "past_key_values"]
    _supports_flash_attn = True
    _supports_sdpa = True
    _supports_flex_attn = True
    _supports_attention_backend = True
    _can_compile_fullgraph = True

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, FilaVideoModel):
            init.normal_(module.image_newline, mean=0.0, std=1 / math.sqrt(module.image_newline.numel()))
        elif isinstance(module, (AttentionSceneMerging, WeightedSceneMerging)):
            module.reset_parameters()


class FilaVideoModel(FilaVideoPreTrainedModel):
    """
    Vision tower, scene selection, scene merging, projector and language model, without a language-modelling head.
    """

    def __init__(self, config: FilaVideoConfig):
        super().__init__(config)
        self.vision_tower = AutoModel.from_config(config.vision_config)
        self.scene_merging = build_scene_merging(
            config.scene_merging,
            scene_size=config.scene_size,
            num_patches=config.patches_per_side**2,
            hidden_size=config.vision_config.hidden_size,
        )
        self.multi_modal_projector = FilaVideoMultiModalProjector(config)
        self.image_newline = nn.Parameter(torch.empty(config.text_config.hidden_size))
        self.language_model = AutoModel.from_config(config.text_config)
        self.post_init()

    @can_return_tuple
    def get_video_features(
        self,
        pixel_values_videos: torch.Tensor,
        video_frame_mask: torch.Tensor | None = None,
        frame_time_ids: torch.LongTensor | None = None,
        frames_per_chunk: int | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple | FilaVideoFeatures:
        """
        Encodes videos into the visual tokens that the language model reads (sections 3.1 and 3.2).

        Args:
            pixel_values_videos (`torch.Tensor` of shape `(V, N, 3, H, W)`): normalised frames in time order.
            video_frame_mask (`torch.Tensor` of shape `(V, N)`, *optional*):
                1 for a video's frames, 0 for the padding after them. Default: no padding.
            frame_time_ids (`torch.LongTensor` of shape `(V, N, digits)`, *optional*):
                The tokens of each frame's time, for prompts that carry the times of the scenes.
            frames_per_chunk (`int`, *optional*): frames that go through the vision tower at once. Default:
                `config.frames_per_chunk`.

        Returns:
            [`FilaVideoFeatures`]

        Raises:
            `ValueError`: if the shapes do not fit, or a video has no frame.
        """
        lengths = count_frames(pixel_values_videos, video_frame_mask)
        frames_per_chunk = self.config.frames_per_chunk if frames_per_chunk is None else frames_per_chunk
        found: dict[int, tuple[torch.Tensor, Scenes]] = {}
        for places in groups_of_equal_length(lengths, frames_per_chunk):
            videos = [pixel_values_videos[place, : lengths[place]] for place in places]
            found |= zip(places, self._encode_videos(videos, frames_per_chunk), strict=True)
        encoded = [found[place] for place in range(len(lengths))]
        representatives = pad_sequence([scenes.representatives for _, scenes in encoded], True, -1)  # (V, S)
        return FilaVideoFeatures(
            pooler_output=[tokens for tokens, _ in encoded],
            scene_frame_indices=pad_sequence([scenes.frame_indices for _, scenes in encoded], True, -1),
            scene_representatives=representatives,
            scene_time_ids=None if frame_time_ids is None else times_of(representatives, frame_time_ids),
        )

    @can_return_tuple
    def get_image_features(
        self,
        pixel_values: torch.Tensor,
        image_sizes: torch.Tensor,
        batch_num_images: torch.Tensor | None = None,
        frames_per_chunk: int | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple | FilaImageFeatures:
        """
        Encodes images into visual tokens, as LLaVA-OneVision does: an image that is alone in its prompt as an overview
        and tiles, several as overviews.

        Args:
            pixel_values (`torch.Tensor` of shape `(I, G, 3, H, W)`): for each of I images the overview, then its tiles,
                then padding.
            image_sizes (`torch.Tensor` of shape `(I, 2)`): height and width of each in pixels.
            batch_num_images (`torch.Tensor` of shape `(prompts with images,)`, *optional*):
                Images in each prompt that has some. Default: one in each.
            frames_per_chunk (`int`, *optional*): tiles that go through the vision tower at once. Default:
                `config.frames_per_chunk`.

        Returns:
            [`FilaImageFeatures`]

        Raises:
            `ValueError`: if the shapes do not fit.
        """
        sizes = [(int(height), int(width)) for height, width in image_sizes]
        grids = [
            tile_grid(size, self.config.image_grid_pinpoints, self.config.vision_config.image_size) for size in sizes
        ]
        counts = count_tiles(pixel_values, grids, batch_num_images)
        tiles = torch.cat([image[:count] for image, count in zip(pixel_values, counts, strict=True)])  # (sum of G, ...)
        frames_per_chunk = self.config.frames_per_chunk if frames_per_chunk is None else frames_per_chunk
        projected = self.multi_modal_projector(encode_frames(self.vision_tower, tiles, frames_per_chunk))
        return FilaImageFeatures(
            pooler_output=[
                lay_out_overview(image, self.image_newline)
                if len(image) == 1
                else lay_out_tiles(
                    image, self.image_newline, image_size=size, grid=grid, max_tiles=self.config.max_image_tiles
                )
                for image, size, grid in zip(projected.split(counts), sizes, grids, strict=True)
            ]
        )

    def _encode_videos(
        self, videos: list[torch.Tensor], frames_per_chunk: int
    ) -> Iterator[tuple[torch.Tensor, Scenes]]:
        """Videos of equally many frames, V of (N, 3, H, W) -> of each the visual tokens (L, C) and the scenes."""
        frames = videos[0] if len(videos) == 1 else torch.cat(videos)  # (V * N, 3, H, W)
        features = encode_frames(self.vision_tower, frames, frames_per_chunk)  # (V * N, P, D)
        features = features.unflatten(0, (len(videos), -1))  # (V, N, P, D)
        scenes = self._find_scenes(features)  # (V, S, K)
        video = torch.arange(len(videos), device=features.device)[:, None, None]
        merged = self.scene_merging(features[video, scenes.frame_indices].flatten(0, 1))  # (V * S, P, D)
        maps = self.multi_modal_projector(merged)  # (V * S, P, C)
        maps = pool_feature_maps(
            maps, mode=self.config.spatial_pool_mode, stride=self.config.spatial_pool_stride
        )  # (V * S, p * p, C)
        for maps_of_video, *of_video in zip(maps.unflatten(0, (len(videos), -1)), *scenes, strict=True):
            tokens = add_newlines(maps_of_video, self.image_newline, position=self.config.newline_position)  # (L, C)
            yield tokens, Scenes(*of_video)

    def _find_scenes(self, features: torch.Tensor) -> Scenes:
        """
        The scenes of V videos, as the configuration wants them: (V, N, P, D) -> `frame_indices` (V, S, K) and
        `representatives` (V, S).
        """
        # CODEPATH: FiLA-Base (scene_merging="none") keeps every frame; FiLA-Video keeps num_scenes.
        num_scenes = features.shape[1] if self.config.scene_merging == "none" else self.config.num_scenes
        return find_scenes_of_each(
            frame_representations(features.flatten(0, 1)).unflatten(0, features.shape[:2]),
            num_scenes=num_scenes,
            scene_size=self.config.scene_size,
            selection=self.config.scene_selection,
            supplement=self.config.scene_supplement,
            kmeans_init=self.config.kmeans_init,
            kmeans_seed=self.config.kmeans_seed,
            kmeans_max_iterations=self.config.kmeans_max_iterations,
            kmeans_tolerance=self.config.kmeans_tolerance,
        )

    def get_placeholder_mask(
        self, modality: str, input_ids: torch.LongTensor | None, inputs_embeds: torch.Tensor | None = None
    ) -> torch.BoolTensor:
        """
        Where the placeholders of `"image"` or `"video"` stand: a `torch.BoolTensor` of shape `(B, T)`, from the ids
        `(B, T)` or, without them, from the embeddings `(B, T, C)`.
        """
        token_id = {"image": self.config.image_token_id, "video": self.config.video_token_id}[modality]
        if input_ids is not None and (inputs_embeds is None or input_ids.numel() > 0):
            return input_ids == token_id
        token = torch.full((), token_id, dtype=torch.long, device=inputs_embeds.device)
        return (inputs_embeds == self.get_input_embeddings()(token)).all(-1)

    @can_return_tuple
    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        pixel_values: torch.Tensor | None = None,
        image_sizes: torch.Tensor | None = None,
        batch_num_images: torch.Tensor | None = None,
        pixel_values_videos: torch.Tensor | None = None,
        video_frame_mask: torch.Tensor | None = None,
        frame_time_ids: torch.LongTensor | None = None,
        scene_time_slots: torch.LongTensor | None = None,
        frames_per_chunk: int | None = None,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.LongTensor | None = None,
        cache: Cache | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: torch.Tensor | None = None,
        use_cache: bool | None = None,
        mm_encoder_outputs: dict[str, ModelOutput] | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple | FilaVideoModelOutputWithPast:
        """
        Args:
            input_ids (`torch.LongTensor` of shape `(B, T)`): exactly one of this and `inputs_embeds`.
            pixel_values, image_sizes, batch_num_images: see [`~FilaVideoModel.get_image_features`].
            pixel_values_videos, video_frame_mask, frame_time_ids: see [`~FilaVideoModel.get_video_features`].
            scene_time_slots: see [`~FilaVideoModel.fill_time_slots`].
            frames_per_chunk (`int`, *optional*): frames that go through the vision tower at once.
            cache (`Cache`, *optional*): what the language model keeps of the tokens before these; `past_key_values` is
                its older name.
            mm_encoder_outputs (`dict[str, ModelOutput]`, *optional*):
                `{"video": features}` with what `get_video_features` returned, instead of `pixel_values_videos`; and
                `"image"` likewise.

        Raises:
            `ValueError`: if the prompt has another number of placeholders than the images or videos have visual tokens.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("Give exactly one of input_ids and inputs_embeds.")
        features = dict(mm_encoder_outputs or {})
        if pixel_values is not None:
            check_given_once("image", "pixel_values", features)
            features["image"] = self.get_image_features(
                pixel_values, image_sizes, batch_num_images, frames_per_chunk=frames_per_chunk, return_dict=True
            )
        if pixel_values_videos is not None:
            check_given_once("video", "pixel_values_videos", features)
            features["video"] = self.get_video_features(
                pixel_values_videos,
                video_frame_mask,
                frame_time_ids=frame_time_ids,
                frames_per_chunk=frames_per_chunk,
                return_dict=True,
            )
        video = with_scene_times(features.get("video"), frame_time_ids)

        if inputs_embeds is None:
            inputs_embeds = self.get_input_embeddings()(input_ids)  # (B, T, C)
        # A decoding step brings one token, which is never a placeholder: no need to look, nor to wait for the device.
        if features or inputs_embeds.shape[1] > 1:
            masks = {name: self.get_placeholder_mask(name, input_ids, inputs_embeds) for name in ("image", "video")}
            for modality, mask in masks.items():
                inputs_embeds = replace_placeholders(inputs_embeds, mask, features.get(modality), modality)
        if scene_time_slots is not None:
            inputs_embeds = self.fill_time_slots(inputs_embeds, scene_time_slots, video)

        outputs = self.language_model(
            attention_mask=attention_mask,
            position_ids=position_ids,
            inputs_embeds=inputs_embeds,
            use_cache=use_cache,
            **{CACHE_NAME: past_key_values if cache is None else cache},
            **kwargs,
        )
        return FilaVideoModelOutputWithPast(
            last_hidden_state=outputs.last_hidden_state,
            **{CACHE_NAME: getattr(outputs, CACHE_NAME)},
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
            scene_frame_indices=getattr(video, "scene_frame_indices", None),
            scene_representatives=getattr(video, "scene_representatives", None),
        )

    def fill_time_slots(
        self, inputs_embeds: torch.Tensor, scene_time_slots: torch.LongTensor, video: FilaVideoFeatures | None
    ) -> torch.Tensor:
        """
        Writes the times of the scenes into the prompt, once it is known which they are.

        Args:
            inputs_embeds (`torch.Tensor` of shape `(B, T, C)`): embedded prompts.
            scene_time_slots (`torch.LongTensor` of shape `(B, at most T)`): for each token the place of its id among
                the flattened `scene_time_ids`, or -1 where it is no part of a time.
            video: what `get_video_features` gave for `frame_time_ids`.

        Raises:
            `ValueError`: if there are slots, but no times.
        """
        time_ids = getattr(video, "scene_time_ids", None)
        if time_ids is None:
            raise ValueError("scene_time_slots needs the times of the frames: give frame_time_ids with the videos.")
        length = inputs_embeds.shape[1]
        slots = nn.functional.pad(scene_time_slots, (0, length - scene_time_slots.shape[1]), value=-1)
        slots = slots.to(inputs_embeds.device)
        ids = time_ids.to(slots.device).flatten()[slots.clamp(min=0)]  # (B, T)
        return torch.where(slots[..., None] >= 0, self.get_input_embeddings()(ids), inputs_embeds)


class FilaVideoForConditionalGeneration(FilaVideoPreTrainedModel, VideoGenerationMixin):
    """
    FiLA-Video with a language-modelling head: answers questions about videos.

    Example:

    ```python
    >>> from transformers import AutoModelForImageTextToText, AutoProcessor

    >>> model = AutoModelForImageTextToText.from_pretrained(path, trust_remote_code=True)
    >>> processor = AutoProcessor.from_pretrained(path, trust_remote_code=True)
    >>> content = [{"type": "video", "path": "clip.mp4"}, {"type": "text", "text": "What happens?"}]
    >>> inputs = processor.apply_chat_template(
    ...     [{"role": "user", "content": content}],
    ...     tokenize=True, add_generation_prompt=True, return_dict=True, return_tensors="pt",
    ... )
    >>> output = model.generate(**inputs, max_new_tokens=32)
    >>> processor.decode(output[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True)
    ```
    """

    _tied_weights_keys = {"lm_head.weight": "model.language_model.embed_tokens.weight"}

    def __init__(self, config: FilaVideoConfig):
        super().__init__(config)
        self.model = FilaVideoModel(config)
        self.lm_head = nn.Linear(config.text_config.hidden_size, config.text_config.vocab_size, bias=False)
        self.post_init()

    def get_output_embeddings(self) -> nn.Module:
        return self.lm_head

    def get_video_features(self, pixel_values_videos: torch.Tensor, *args, **kwargs) -> tuple | FilaVideoFeatures:
        """See [`FilaVideoModel.get_video_features`]."""
        return self.model.get_video_features(pixel_values_videos, *args, **kwargs)

    def get_image_features(self, pixel_values: torch.Tensor, *args, **kwargs) -> tuple | FilaImageFeatures:
        """See [`FilaVideoModel.get_image_features`]."""
        return self.model.get_image_features(pixel_values, *args, **kwargs)

    @can_return_tuple
    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        pixel_values: torch.Tensor | None = None,
        image_sizes: torch.Tensor | None = None,
        batch_num_images: torch.Tensor | None = None,
        pixel_values_videos: torch.Tensor | None = None,
        video_frame_mask: torch.Tensor | None = None,
        frame_time_ids: torch.LongTensor | None = None,
        scene_time_slots: torch.LongTensor | None = None,
        frames_per_chunk: int | None = None,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.LongTensor | None = None,
        cache: Cache | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: torch.Tensor | None = None,
        labels: torch.LongTensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | torch.Tensor = 0,
        mm_encoder_outputs: dict[str, ModelOutput] | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple | FilaVideoCausalLMOutputWithPast:
        """
        Args:
            labels (`torch.LongTensor` of shape `(B, T)`, *optional*): -100 where there is nothing to learn.
            logits_to_keep (`int` or `torch.LongTensor` of shape `(positions,)`, *optional*):
                Scores only the last so many positions (0: all), or only these. `generate` asks for the last one.
            others: see [`FilaVideoModel.forward`].
        """
        outputs = self.model(
            input_ids=input_ids,
            pixel_values=pixel_values,
            image_sizes=image_sizes,
            batch_num_images=batch_num_images,
            pixel_values_videos=pixel_values_videos,
            video_frame_mask=video_frame_mask,
            frame_time_ids=frame_time_ids,
            scene_time_slots=scene_time_slots,
            frames_per_chunk=frames_per_chunk,
            attention_mask=attention_mask,
            position_ids=position_ids,
            cache=cache,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            use_cache=use_cache,
            mm_encoder_outputs=mm_encoder_outputs,
            return_dict=True,
            **kwargs,
        )
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.lm_head(outputs.last_hidden_state[:, kept])  # (B, kept, vocabulary)

        loss = None
        if labels is not None:
            vocab_size = self.config.text_config.vocab_size
            loss = self.loss_function(logits=logits, labels=labels, vocab_size=vocab_size, **kwargs)

        return FilaVideoCausalLMOutputWithPast(
            loss=loss,
            logits=logits,
            **{CACHE_NAME: getattr(outputs, CACHE_NAME)},
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
            scene_frame_indices=outputs.scene_frame_indices,
            scene_representatives=outputs.scene_representatives,
        )


FilaVideoModel.register_for_auto_class("AutoModel")
FilaVideoForConditionalGeneration.register_for_auto_class("AutoModelForImageTextToText")
register_video_text_to_text()

__all__ = [
    "FilaImageFeatures",
    "FilaVideoFeatures",
    "FilaVideoForConditionalGeneration",
    "FilaVideoModel",
    "FilaVideoPreTrainedModel",
]
