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
"""FiLA-Video (arXiv 2504.20384). This file connects the parts of the model. Each part has its own file.

Shape letters: V videos, N frames, S scenes, K frames per scene, P patches, D width of the vision tower, C width of the
language model, B prompts, T tokens of a prompt, L visual tokens of a video or image; Q patches of a pooled feature map,
I images, G tiles of an image including its overview, H and W pixels.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

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
from .frame_stream import StreamedFeatures
from .image_features import lay_out_overview, lay_out_tiles, tile_grid
from .media_shapes import as_batch, count_frames, count_tiles, groups_of_equal_length
from .model_card import ModelCardMixin
from .modeling_compat import CACHE_NAME
from .offloading import align_module_device
from .outputs import (
    FilaImageFeatures,
    FilaVideoCausalLMOutputWithPast,
    FilaVideoFeatures,
    FilaVideoModelOutputWithPast,
)
from .pipeline_fila import VideoTextToTextPipeline, register_video_text_to_text
from .placeholders import check_given_once, replace_placeholders
from .scene_merging import AttentionSceneMerging, WeightedSceneMerging, build_scene_merging
from .scene_options import selection_arguments, with_scene_options
from .scene_selection import Scenes, find_scenes_of_each, frame_representations
from .time_embeddings import with_scene_times
from .video_generation import VideoGenerationMixin
from .vision_features import encode_frames, finish_selected_frames


# Patch features of a stream that are kept; with the paper's tower in bfloat16, those of 159 frames.
MAX_FEATURE_BYTES = 256 * 2**20
# Scenes of a stream that are merged at once. FiLA-Base has one for each frame.
SCENES_AT_ONCE = 32


class FilaVideoMultiModalProjector(nn.Module):
    """The projector: two linear layers with an activation between them (section 3.1)."""

    def __init__(self, config: FilaVideoConfig):
        super().__init__()
        width, bias = config.get_text_config().hidden_size, config.multimodal_projector_bias
        self.linear_1 = nn.Linear(config.get_vision_config().hidden_size, width, bias=bias)
        self.act = ACT2FN[config.projector_hidden_act]
        self.linear_2 = nn.Linear(width, width, bias=bias)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.linear_2(self.act(self.linear_1(features)))  # (S, P, D) -> (S, P, C)


class FilaVideoPreTrainedModel(ModelCardMixin, PreTrainedModel):
    """Weight initialization and the abilities that transformers asks for."""

    config: FilaVideoConfig
    base_model_prefix = "model"
    input_modalities = ["image", "video", "text"]
    supports_gradient_checkpointing = True
    _no_split_modules = ["AttentionSceneMerging", "FilaVideoMultiModalProjector", "WeightedSceneMerging"]
    _skip_keys_device_placement = ["cache", "past_key_values"]
    _supports_flash_attn = True
    _supports_sdpa = True
    _supports_flex_attn = True
    _supports_attention_backend = True
    _can_compile_fullgraph = True

    @property
    def card_source(self) -> str:
        return self.name_or_path

    @classmethod
    def from_pretrained(cls, *args, **kwargs):
        """See [`PreTrainedModel.from_pretrained`]."""
        loaded = super().from_pretrained(*args, **kwargs)
        model = loaded[0] if isinstance(loaded, tuple) else loaded  # a tuple with output_loading_info=True
        model.base_model.freeze_unused()  # loading makes new parameters, which all require gradients
        return loaded

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, FilaVideoModel):
            init.normal_(module.image_newline, mean=0.0, std=1 / math.sqrt(module.image_newline.numel()))
        elif isinstance(module, (AttentionSceneMerging, WeightedSceneMerging)):
            module.reset_parameters()


class FilaVideoModel(FilaVideoPreTrainedModel):
    """
    Vision tower, scene selection, scene merging, projector and language model, without a language modeling head.
    """

    def __init__(self, config: FilaVideoConfig):
        super().__init__(config)
        self.vision_tower = AutoModel.from_config(config.vision_config)
        self.scene_merging = build_scene_merging(
            config.scene_merging,
            scene_size=cast(int, config.scene_size),
            num_patches=config.patches_per_side**2,
            hidden_size=config.get_vision_config().hidden_size,
        )
        self.multi_modal_projector = FilaVideoMultiModalProjector(config)
        self.image_newline = nn.Parameter(torch.empty(config.get_text_config().hidden_size))  # (C,)
        self.language_model = AutoModel.from_config(config.text_config)
        self.freeze_unused()
        self.post_init()

    def freeze_unused(self) -> None:
        """
        Freezes the parameters that the visual tokens of videos never depend on: DDP would wait for their gradients.

        The tower keeps the modules behind the layer that feeds the projector, because its checkpoints contain them.
        With `newline_position="no_token"`, only images use the newline token; unfreeze it to train on images.
        """
        for name in ("post_layernorm", "head"):
            if hasattr(self.vision_tower, name):
                self.vision_tower.get_submodule(name).requires_grad_(False)
        # CODEPATH: the small model in checkpoints/ has "no_token"; LLaVA-OneVision and LLaVA-Video have a newline.
        if self.config.newline_position == "no_token":
            self.image_newline.requires_grad_(False)

    @can_return_tuple
    def get_video_features(
        self,
        pixel_values_videos: torch.Tensor,
        video_frame_mask: torch.Tensor | None = None,
        frame_time_ids: torch.LongTensor | None = None,
        times_are_interleaved: torch.BoolTensor | None = None,
        frames_per_chunk: int | None = None,
        scene_options: dict[str, Any] | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple | FilaVideoFeatures:
        """
        Encodes videos into the visual tokens that the language model reads (sections 3.1 and 3.2).

        Args:
            pixel_values_videos (`torch.Tensor` of shape `(V, N, 3, H, W)`):
                Frames in time order: normalized floats, or uint8, which the model normalizes chunk by chunk. This and
                the other tensors may also be lists with one tensor for each video.
            video_frame_mask (`torch.Tensor` of shape `(V, N)`, *optional*):
                1 for the frames of a video, 0 for the padding after them. Default: no padding.
            frame_time_ids (`torch.LongTensor` of shape `(V, N, digits)`, *optional*):
                The token ids of the time of each frame, padded with -1, for prompts that state the times of the scenes.
            times_are_interleaved (`torch.BoolTensor` of shape `(V,)`, *optional*):
                Whether each time stands before the visual tokens of its scene. Default: all times stand after all
                visual tokens.
            frames_per_chunk (`int`, *optional*):
                Number of frames that go through the vision tower at once. Default: `config.frames_per_chunk`.
            scene_options (`dict`, *optional*):
                Fields of the configuration to replace for these videos: `num_scenes`, `scene_selection`,
                `scene_supplement`, `selection_layer` and those that start with `kmeans_`. With another `num_scenes`,
                the processor must have the same number when it makes the prompt.

        Returns:
            [`FilaVideoFeatures`]

        Raises:
            ValueError: If the shapes do not fit each other, or a video has no frame.
        """
        if isinstance(pixel_values_videos, (list, tuple)) and video_frame_mask is None:
            video_frame_mask = [torch.ones(len(frames), dtype=torch.long) for frames in pixel_values_videos]
        pixel_values_videos, video_frame_mask = as_batch(pixel_values_videos), as_batch(video_frame_mask)
        frame_time_ids, times_are_interleaved = as_batch(frame_time_ids, padding=-1), as_batch(times_are_interleaved)
        lengths = count_frames(pixel_values_videos, video_frame_mask)
        config = with_scene_options(self.config, scene_options)
        frames_per_chunk = self.config.frames_per_chunk if frames_per_chunk is None else frames_per_chunk
        encoded: dict[int, tuple[torch.Tensor, Scenes]] = {}
        for group in groups_of_equal_length(lengths, frames_per_chunk):
            videos = [pixel_values_videos[index, : lengths[index]] for index in group]  # each (N, 3, H, W)
            encoded |= zip(group, self._encode_videos(videos, frames_per_chunk, config), strict=True)
        tokens, scenes = zip(*(encoded[index] for index in range(len(lengths))), strict=True)  # each V long
        features = FilaVideoFeatures(
            pooler_output=list(tokens),  # each (L, C)
            scene_frame_indices=pad_sequence([found.frame_indices for found in scenes], True, -1),  # (V, S, K)
            scene_representatives=pad_sequence([found.representatives for found in scenes], True, -1),  # (V, S)
        )
        return with_scene_times(features, frame_time_ids, times_are_interleaved, self.get_input_embeddings())

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
        Encodes images into visual tokens, as in LLaVA-OneVision. An image that is the only one in its prompt becomes an
        overview and tiles. Several images become one overview each.

        Args:
            pixel_values (`torch.Tensor` of shape `(I, G, 3, H, W)`):
                For each image its overview, then its tiles, then padding.
            image_sizes (`torch.Tensor` of shape `(I, 2)`):
                Height and width of each image in pixels.
            batch_num_images (`torch.Tensor` of shape `(prompts with images,)`, *optional*):
                Number of images in each prompt that has images. Default: one in each.
            frames_per_chunk (`int`, *optional*):
                Number of tiles that go through the vision tower at once. Default: `config.frames_per_chunk`.

        Returns:
            [`FilaImageFeatures`]

        Raises:
            ValueError: If the shapes do not fit each other.
        """
        sizes = [(int(height), int(width)) for height, width in image_sizes]
        pinpoints, tile_size = cast(list, self.config.image_grid_pinpoints), self.config.get_vision_config().image_size
        grids = [tile_grid(size, pinpoints, tile_size) for size in sizes]
        counts = count_tiles(pixel_values, grids, batch_num_images)
        tiles = torch.cat([image[:count] for image, count in zip(pixel_values, counts, strict=True)])  # (sum of G, ...)
        frames_per_chunk = self.config.frames_per_chunk if frames_per_chunk is None else frames_per_chunk
        features = encode_frames(self.vision_tower, tiles, frames_per_chunk)  # (sum of G, P, D)
        projected = self.multi_modal_projector(features).split(counts)  # I of (G, P, C)
        images = zip(projected, sizes, grids, strict=True)
        return FilaImageFeatures(pooler_output=[self._lay_out_image(*image) for image in images])  # each (L, C)

    def _lay_out_image(self, tiles: torch.Tensor, size: tuple[int, int], grid: tuple[int, int]) -> torch.Tensor:
        """Turns the projected tiles of one image, (G, P, C), into its visual tokens, (L, C)."""
        if len(tiles) == 1:
            return lay_out_overview(tiles, self._newline())
        return lay_out_tiles(tiles, self._newline(), image_size=size, grid=grid, max_tiles=self.config.max_image_tiles)

    def _encode_videos(
        self, videos: list[torch.Tensor], frames_per_chunk: int, config: FilaVideoConfig
    ) -> Iterator[tuple[torch.Tensor, Scenes]]:
        """Yields the visual tokens, (L, C), and the scenes of each of V videos with the same number of frames.

        Args:
            videos: V tensors of shape (N, 3, H, W).
            frames_per_chunk: Number of frames that go through the vision tower at once.
            config: Configuration of the scene selection.
        """
        num_videos = len(videos)
        frames = videos[0] if num_videos == 1 else torch.cat(videos)  # (V * N, 3, H, W)
        layer = config.selection_layer
        features = encode_frames(self.vision_tower, frames, frames_per_chunk, layer)  # (V * N, P, D)
        scenes = self._find_scenes(features.unflatten(0, (num_videos, -1)), config)  # frame_indices: (V, S, K)
        video = torch.arange(num_videos, device=features.device)[:, None, None]  # (V, 1, 1)
        places = video * (len(frames) // num_videos) + scenes.frame_indices  # (V, S, K)
        if layer is None:
            selected = features[places]  # (V, S, K, P, D)
        else:
            selected = finish_selected_frames(self.vision_tower, features, places, layer, frames_per_chunk)
        pooled = self._make_maps(selected.flatten(0, 1))  # (V * S, Q, C)
        for pooled_of_video, *scenes_of_video in zip(pooled.unflatten(0, (num_videos, -1)), *scenes, strict=True):
            tokens = add_newlines(pooled_of_video, self._newline(), position=self.config.newline_position)  # (L, C)
            yield tokens, Scenes(*scenes_of_video)

    def _make_maps(self, selected: torch.Tensor) -> torch.Tensor:
        """Merges, projects and pools the frames of scenes, (S, K, P, D) -> (S, Q, C)."""
        maps = self.multi_modal_projector(self.scene_merging(selected))  # (S, P, C)
        return pool_feature_maps(
            maps, mode=self.config.spatial_pool_mode, stride=self.config.spatial_pool_stride
        )  # (S, Q, C)

    @torch.no_grad()
    def encode_video(
        self,
        frames: Iterable[Any],
        frames_at: Callable[[list[int]], Iterable[Any]] | None = None,
        *,
        num_frames: int | None = None,
        frames_per_chunk: int | None = None,
        scene_options: dict[str, Any] | None = None,
        max_feature_bytes: int = MAX_FEATURE_BYTES,
        shows_progress: bool = False,
    ) -> FilaVideoFeatures:
        """
        Encodes one video whose frames come one after the other, as `get_video_features` does with all of them.

        Memory holds one vector for each frame, the patch features of frames within `max_feature_bytes`, and those of
        the selected frames. Patch features that did not fit are computed once more for the selected frames. With a
        `selection_layer`, the states of that layer take their place, and only the selected frames go through the rest.

        Args:
            frames (iterable of arrays or tensors):
                uint8 frames in time order, each `(H, W, 3)` or `(3, H, W)`, or some at a time. A generator is closed
                at the end.
            frames_at (`Callable`, *optional*):
                Takes a list of increasing places in the stream and returns these frames once more.
            num_frames (`int`, *optional*):
                Number of frames, for the progress bar.
            frames_per_chunk (`int`, *optional*):
                Number of frames that go through the vision tower at once. Default: `config.frames_per_chunk`.
            scene_options (`dict`, *optional*):
                As in `get_video_features`.
            max_feature_bytes (`int`, *optional*, defaults to 256 MiB):
                Largest size of patch features that are kept while frames are read.
            shows_progress (`bool`, *optional*, defaults to `False`):
                Whether to show a progress bar.

        Returns:
            [`FilaVideoFeatures`] of one video.

        Raises:
            ValueError: If there is no frame, a frame has another form or size, or selected frames cannot be read again.
        """
        config = with_scene_options(self.config, scene_options)
        frames_per_chunk = self.config.frames_per_chunk if frames_per_chunk is None else frames_per_chunk
        stream = StreamedFeatures(self.vision_tower, frames_per_chunk, max_feature_bytes, config.selection_layer)
        representations = stream.read(frames, num_frames=num_frames, shows_progress=shows_progress)  # (N, D)
        found = self._find_scenes_of(representations[None], config)  # (1, S, K)
        pooled = [
            self._make_maps(stream.of_scenes(indices, frames_at))  # (scenes of a part, Q, C)
            for indices in found.frame_indices[0].split(SCENES_AT_ONCE)
        ]
        tokens = add_newlines(torch.cat(pooled), self._newline(), position=self.config.newline_position)  # (L, C)
        return FilaVideoFeatures(
            pooler_output=[tokens],
            scene_frame_indices=found.frame_indices,
            scene_representatives=found.representatives,
        )

    def _newline(self) -> torch.Tensor:
        """Returns the newline token, (C,), also if accelerate has moved the weights to the CPU or to the disk."""
        if not self.image_newline.is_meta:
            return self.image_newline
        # accelerate brings a module's own parameters back for `forward`, but not for `get_video_features`.
        with align_module_device(self):
            return self.image_newline

    def _find_scenes(self, features: torch.Tensor, config: FilaVideoConfig) -> Scenes:
        """Selects the scenes of V videos as the configuration says.

        Args:
            features: Shape (V, N, P, D).
            config: Configuration of the scene selection.

        Returns:
            `frame_indices` of shape (V, S, K) and `representatives` of shape (V, S).
        """
        representations = frame_representations(features.flatten(0, 1)).unflatten(0, features.shape[:2])  # (V, N, D)
        return self._find_scenes_of(representations, config)

    def _find_scenes_of(self, representations: torch.Tensor, config: FilaVideoConfig) -> Scenes:
        """Selects the scenes of V videos, from the representations of their frames, (V, N, D)."""
        return find_scenes_of_each(representations, **selection_arguments(config, representations.shape[1]))

    def get_placeholder_mask(
        self, modality: str, input_ids: torch.Tensor | None, inputs_embeds: torch.Tensor | None = None
    ) -> torch.Tensor:
        """
        Returns a bool mask of shape `(B, T)` that is true at the placeholders of `"image"` or `"video"`. They are found
        in the ids of shape `(B, T)` or, without ids, in the embeddings of shape `(B, T, C)`.
        """
        token_id = {"image": self.config.image_token_id, "video": self.config.video_token_id}[modality]
        if input_ids is not None and (inputs_embeds is None or input_ids.numel() > 0):
            return input_ids == token_id
        if inputs_embeds is None:
            raise ValueError("Give input_ids or inputs_embeds.")
        token = torch.full((), token_id, dtype=torch.long, device=inputs_embeds.device)
        return (inputs_embeds == self.get_input_embeddings()(token)).all(-1)

    @can_return_tuple
    def forward(  # type: ignore[misc]  # TransformersKwargs also has position_ids, as for the models of transformers
        self,
        input_ids: torch.LongTensor | None = None,
        pixel_values: torch.Tensor | None = None,
        image_sizes: torch.Tensor | None = None,
        batch_num_images: torch.Tensor | None = None,
        pixel_values_videos: torch.Tensor | None = None,
        video_frame_mask: torch.Tensor | None = None,
        frame_time_ids: torch.LongTensor | None = None,
        times_are_interleaved: torch.BoolTensor | None = None,
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
            input_ids (`torch.LongTensor` of shape `(B, T)`):
                Token ids of the prompts. Exactly one of this and `inputs_embeds` must be given.
            pixel_values, image_sizes, batch_num_images:
                See [`~FilaVideoModel.get_image_features`].
            pixel_values_videos, video_frame_mask, frame_time_ids, times_are_interleaved:
                See [`~FilaVideoModel.get_video_features`].
            frames_per_chunk (`int`, *optional*):
                Number of frames that go through the vision tower at once. Default: `config.frames_per_chunk`.
            cache (`Cache`, *optional*):
                What the language model keeps of earlier tokens. `past_key_values` is its older name.
            mm_encoder_outputs (`dict[str, ModelOutput]`, *optional*):
                `{"video": features}` with what `get_video_features` returned, in place of `pixel_values_videos`;
                `"image"` likewise.

        Raises:
            ValueError: If the number of placeholders differs from the number of visual tokens.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("Give exactly one of input_ids and inputs_embeds.")
        images = {"pixel_values": pixel_values, "image_sizes": image_sizes, "batch_num_images": batch_num_images}
        videos = {
            "pixel_values_videos": pixel_values_videos,
            "video_frame_mask": video_frame_mask,
            "frame_time_ids": frame_time_ids,
            "times_are_interleaved": times_are_interleaved,
        }
        features = self._encode_media(images, videos, mm_encoder_outputs, frames_per_chunk)  # each I or V of (L, C)

        if inputs_embeds is None:
            inputs_embeds = self.get_input_embeddings()(input_ids)  # (B, T, C)
        inputs_embeds = self._fill_placeholders(input_ids, inputs_embeds, features)  # (B, T, C)

        outputs = self.language_model(
            attention_mask=attention_mask,
            position_ids=position_ids,
            inputs_embeds=inputs_embeds,
            use_cache=use_cache,
            **{CACHE_NAME: past_key_values if cache is None else cache},
            **kwargs,
        )
        return FilaVideoModelOutputWithPast(
            last_hidden_state=outputs.last_hidden_state,  # (B, T, C)
            **{CACHE_NAME: getattr(outputs, CACHE_NAME)},
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
            scene_frame_indices=getattr(features.get("video"), "scene_frame_indices", None),
            scene_representatives=getattr(features.get("video"), "scene_representatives", None),
        )

    def _encode_media(
        self,
        images: dict[str, Any],
        videos: dict[str, Any],
        encoded: dict[str, ModelOutput] | None,
        frames_per_chunk: int | None,
    ) -> dict[str, Any]:
        """Returns the features of `"image"` and `"video"`: what is already encoded, and what is given as pixels.

        Args:
            images: Arguments of `get_image_features`. Without images, `pixel_values` is `None`.
            videos: Arguments of `get_video_features`. Without videos, `pixel_values_videos` is `None`.
            encoded: What these two methods returned earlier.
            frames_per_chunk: Number of frames that go through the vision tower at once.

        Raises:
            ValueError: If images or videos are given both as pixels and as features.
        """
        features: dict[str, Any] = dict(encoded or {})
        if images["pixel_values"] is not None:
            check_given_once("image", "pixel_values", features)
            features["image"] = self.get_image_features(**images, frames_per_chunk=frames_per_chunk, return_dict=True)
        if videos["pixel_values_videos"] is not None:
            check_given_once("video", "pixel_values_videos", features)
            features["video"] = self.get_video_features(**videos, frames_per_chunk=frames_per_chunk, return_dict=True)
        elif features.get("video") is not None:
            times = videos["frame_time_ids"], videos["times_are_interleaved"]
            features["video"] = with_scene_times(features["video"], *times, self.get_input_embeddings())
        return features

    def _fill_placeholders(
        self, input_ids: torch.Tensor | None, inputs_embeds: torch.Tensor, features: dict[str, Any]
    ) -> torch.Tensor:
        """Replaces the placeholders of images and videos in embedded prompts, (B, T, C), by visual tokens."""
        # A decoding step has one token, which is never a placeholder. Skipping the search avoids a wait for the device.
        if not features and inputs_embeds.shape[1] <= 1:
            return inputs_embeds
        masks = {name: self.get_placeholder_mask(name, input_ids, inputs_embeds) for name in ("image", "video")}
        for modality, mask in masks.items():
            inputs_embeds = replace_placeholders(inputs_embeds, mask, features.get(modality), modality)
        return inputs_embeds


class FilaVideoForConditionalGeneration(FilaVideoPreTrainedModel, VideoGenerationMixin):
    """
    FiLA-Video with a language modeling head. It answers questions about videos.

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
    # The code that belongs to this class, if several repositories have been loaded.
    pipeline_class = VideoTextToTextPipeline

    def __init__(self, config: FilaVideoConfig):
        super().__init__(config)
        self.model = FilaVideoModel(config)
        text_config = config.get_text_config()
        self.lm_head = nn.Linear(text_config.hidden_size, text_config.vocab_size, bias=False)
        self.post_init()

    def get_output_embeddings(self) -> nn.Module:
        return self.lm_head

    def get_video_features(self, pixel_values_videos: torch.Tensor, *args, **kwargs) -> tuple | FilaVideoFeatures:
        """See [`FilaVideoModel.get_video_features`]."""
        return self.model.get_video_features(pixel_values_videos, *args, **kwargs)

    def encode_video(self, frames: Iterable[Any], *args, **kwargs) -> FilaVideoFeatures:
        """See [`FilaVideoModel.encode_video`]."""
        return self.model.encode_video(frames, *args, **kwargs)

    def get_image_features(self, pixel_values: torch.Tensor, *args, **kwargs) -> tuple | FilaImageFeatures:
        """See [`FilaVideoModel.get_image_features`]."""
        return self.model.get_image_features(pixel_values, *args, **kwargs)

    @can_return_tuple
    def forward(  # type: ignore[misc]  # TransformersKwargs also has position_ids, as for the models of transformers
        self,
        input_ids: torch.LongTensor | None = None,
        pixel_values: torch.Tensor | None = None,
        image_sizes: torch.Tensor | None = None,
        batch_num_images: torch.Tensor | None = None,
        pixel_values_videos: torch.Tensor | None = None,
        video_frame_mask: torch.Tensor | None = None,
        frame_time_ids: torch.LongTensor | None = None,
        times_are_interleaved: torch.BoolTensor | None = None,
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
            labels (`torch.LongTensor` of shape `(B, T)`, *optional*):
                Token ids to predict, -100 at the positions that do not count.
            logits_to_keep (`int` or `torch.LongTensor` of shape `(positions,)`, *optional*):
                Computes the logits of only this number of last positions (0: all positions), or of only these
                positions. `generate` needs only the last position.
            others:
                See [`FilaVideoModel.forward`].
        """
        outputs = self.model(
            input_ids=input_ids,
            pixel_values=pixel_values,
            image_sizes=image_sizes,
            batch_num_images=batch_num_images,
            pixel_values_videos=pixel_values_videos,
            video_frame_mask=video_frame_mask,
            frame_time_ids=frame_time_ids,
            times_are_interleaved=times_are_interleaved,
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
            vocab_size = self.config.get_text_config().vocab_size
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
