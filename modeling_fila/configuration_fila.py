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
"""The configuration of a FiLA-Video model (arXiv 2504.20384)."""

import re
from copy import deepcopy
from typing import Any, ClassVar, cast


try:
    from huggingface_hub.dataclasses import strict
    from transformers import AutoConfig, PreTrainedConfig
except ImportError:  # as with transformers 4
    from .modeling_versions import check_versions

    check_versions()
    raise

from .modeling_choices import (
    KMEANS_INITS,
    NEWLINE_POSITIONS,
    SCENE_MERGINGS,
    SCENE_SELECTIONS,
    SCENE_SUPPLEMENTS,
    SPATIAL_POOL_MODES,
    check_at_least,
    check_choice,
)
from .modeling_versions import check_versions


check_versions()

# SigLIP so400m patch14-384 without its last layer and its pooling head, as in LLaVA-OneVision.
DEFAULT_VISION_CONFIG = {
    "model_type": "siglip_vision_model",
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 26,
    "num_attention_heads": 16,
    "image_size": 384,
    "patch_size": 14,
    "vision_use_head": False,
}

# Qwen2-7B-Instruct.
DEFAULT_TEXT_CONFIG = {
    "model_type": "qwen2",
    "vocab_size": 152064,
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "max_position_embeddings": 32768,
    "rms_norm_eps": 1e-6,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0},
}

# Where transformers finds the classes in a saved folder. All entries are written here, because
# `register_for_auto_class` writes only the entry of the class that is saved, and a checkpoint that was loaded from the
# Hub keeps `repository--module.Class` in the other entries.
AUTO_MAP = {
    "AutoConfig": "configuration_fila.FilaVideoConfig",
    "AutoModel": "modeling_fila_video.FilaVideoModel",
    "AutoModelForImageTextToText": "modeling_fila_video.FilaVideoForConditionalGeneration",
    "AutoModelForMultimodalLM": "modeling_fila_video.FilaVideoForConditionalGeneration",
}

CUSTOM_PIPELINES = {
    "video-text-to-text": {
        "impl": "pipeline_fila.VideoTextToTextPipeline",
        "pt": ["AutoModelForImageTextToText"],
    }
}


def _sub_config(config: dict[str, Any] | PreTrainedConfig | None, default: dict[str, Any]) -> PreTrainedConfig:
    """Makes a sub-configuration from the argument of the user: a configuration, a dict, or `None` for the default."""
    if isinstance(config, PreTrainedConfig):
        return config
    values = dict(default if config is None else config)
    return AutoConfig.for_model(values.pop("model_type", default["model_type"]), **values)


@strict
class FilaVideoConfig(PreTrainedConfig):
    r"""
    Configuration of [`FilaVideoModel`] and [`FilaVideoForConditionalGeneration`]. The defaults are the paper's
    FiLA-Video-7B: 96 frames, 32 scenes of 3 frames, k-means selection, weighted merging. The paper compares it with
    FiLA-Base-7B, which is `FilaVideoConfig(scene_selection="uniform", scene_merging="none")`.

    Args:
        vision_config (`dict` or [`SiglipVisionConfig`], *optional*):
            The vision tower. Default: SigLIP so400m patch14-384 with 26 of its 27 layers and without a pooling head.
            The output of the last layer, before the final norm, feeds the projector. A tower that is read at layer -2
            is therefore configured with one layer less than it has.
        text_config (`dict` or [`Qwen2Config`], *optional*):
            The language model. Default: Qwen2-7B-Instruct.
        image_token_id (`int`, *optional*, defaults to 151646):
            Id of the `<image>` placeholder.
        video_token_id (`int`, *optional*, defaults to 151647):
            Id of the `<video>` placeholder. Each placeholder is replaced by one visual token.
        num_frames (`int`, *optional*, defaults to 96):
            Number of frames that the processor samples from a video (section 4.1). The model takes any number.
        num_scenes (`int`, *optional*, defaults to 32):
            Number of scenes to keep (the paper's M). This is also the number of feature maps that reach the language
            model, unless the video has fewer frames. Not used by `scene_merging="none"`, where every frame is a scene.
        scene_size (`int`, *optional*):
            Number of frames in a scene: one representative and r supplements. Default: 3, or 1 with
            `scene_merging="none"`.
        scene_selection (`str`, *optional*, defaults to `"kmeans"`):
            How scenes are selected: `"kmeans"` (section 3.1), `"uniform"` or `"bsm"` (Appendix B).
        scene_supplement (`str`, *optional*, defaults to `"similar"`):
            Which earlier frames supplement a representative: the most `"similar"` ones (eq. 5, 6) or the most
            `"dissimilar"` ones (Table 2).
        scene_merging (`str`, *optional*, defaults to `"weighted"`):
            How the frames of a scene are merged: `"weighted"` (eq. 7, 8), `"average"`, `"attention"` (C.1), `"bsm"`
            (C.2) or `"none"` (FiLA-Base).
        selection_layer (`int`, *optional*):
            Number of layers of the vision tower that all sampled frames go through, from 0 (the embeddings of the
            patches) to `vision_config.num_hidden_layers`. Scenes are selected by the states of that layer
            (`hidden_states[selection_layer]`, before any final norm), averaged over the patches, and only their
            frames go through the rest of the layers. An early layer costs less time and selects other scenes. Default:
            all layers, as in the paper. Not used by `scene_merging="none"`.
        kmeans_init (`str`, *optional*, defaults to `"random"`):
            How the first centers are drawn: `"random"` (the paper) or `"kmeans++"`.
        kmeans_seed (`int`, *optional*, defaults to 0):
            Seed of the generator that draws the first centers. The global generator is never used, so the same video
            gives the same scenes on every run.
        kmeans_max_iterations (`int`, *optional*, defaults to 100):
            Maximum number of Lloyd steps.
        kmeans_tolerance (`float`, *optional*, defaults to 1e-4):
            The clustering ends when no center moves farther than this.
        projector_hidden_act (`str`, *optional*, defaults to `"gelu"`):
            Activation between the two layers of the projector.
        multimodal_projector_bias (`bool`, *optional*, defaults to `True`):
            Whether the layers of the projector have a bias.
        image_grid_pinpoints (`list[list[int]]`, *optional*):
            Heights and widths, in pixels, of the grids of tiles that an image can be divided into. Default: 1 to 6
            tiles along each side, as in LLaVA-OneVision. A tile has the image size of the vision tower.
        vision_aspect_ratio (`str`, *optional*, defaults to `"anyres_max_9"`):
            `"anyres_max_9"` means that an image keeps at most about as many patches as 9 tiles.
        spatial_pool_mode (`str`, *optional*, defaults to `"bilinear"`):
            How a feature map is shrunk after the projector, as in LLaVA-OneVision and LLaVA-Video: `"bilinear"` (side
            27 -> 14), `"average"` or `"max"` (27 -> 13).
        spatial_pool_stride (`int`, *optional*, defaults to 2):
            Factor by which each side of a feature map is shrunk. 1 keeps every patch.
        newline_position (`str`, *optional*, defaults to `"one_token"`):
            Where newline tokens are added: once at the end of the video (`"one_token"`), after every row (`"grid"`),
            after every feature map (`"frame"`), or nowhere (`"no_token"`).
        frames_per_chunk (`int`, *optional*, defaults to 16):
            Number of frames that go through the vision tower at once. Videos with the same number of frames can share
            a chunk. This limits the memory and does not change the result.
        tie_word_embeddings (`bool`, *optional*, defaults to `False`):
            Whether the head of the language model shares the input embeddings, as in the 0.5B model.

    Raises:
        ValueError: If a value is unknown, out of range, or contradicts another one. The message names the field and
            the value.
        StrictDataclassFieldValidationError: If a value has the wrong type.
    """

    model_type = "fila_video"
    sub_configs: ClassVar[dict[str, Any]] = {"vision_config": AutoConfig, "text_config": AutoConfig}
    # What `Trainer.predict` leaves out of the predictions: the cache under its two names, and which frames the scenes
    # consist of. Only prompts with videos have scenes, so batches could not be put together.
    keys_to_ignore_at_inference: ClassVar[list[str]] = [
        "cache",
        "past_key_values",
        "scene_frame_indices",
        "scene_representatives",
    ]
    # The modules that stay in floating point when the language model is quantized, for
    # `QuantoConfig(modules_to_not_convert=...)`. transformers compares these names with the start of a module's full
    # name, which has no "model." in a bare `FilaVideoModel`.
    modules_to_not_quantize: ClassVar[tuple[str, ...]] = (
        "model.vision_tower",
        "model.scene_merging",
        "model.multi_modal_projector",
        "vision_tower",
        "scene_merging",
        "multi_modal_projector",
        "lm_head",
    )

    # The two models.
    vision_config: dict | PreTrainedConfig | None = None
    text_config: dict | PreTrainedConfig | None = None
    image_token_id: int = 151646
    video_token_id: int = 151647

    # Scenes: from frames to feature maps.
    num_frames: int = 96
    num_scenes: int = 32
    scene_size: int | None = None
    scene_selection: str = "kmeans"
    scene_supplement: str = "similar"
    scene_merging: str = "weighted"
    selection_layer: int | None = None
    kmeans_init: str = "random"
    kmeans_seed: int = 0
    kmeans_max_iterations: int = 100
    kmeans_tolerance: float = 1e-4

    # From feature maps to visual tokens.
    projector_hidden_act: str = "gelu"
    multimodal_projector_bias: bool = True
    image_grid_pinpoints: list | None = None
    vision_aspect_ratio: str = "anyres_max_9"
    spatial_pool_mode: str = "bilinear"
    spatial_pool_stride: int = 2
    newline_position: str = "one_token"

    frames_per_chunk: int = 16
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs):
        vision_config = self.vision_config = _sub_config(self.vision_config, DEFAULT_VISION_CONFIG)
        text_config = self.text_config = _sub_config(self.text_config, DEFAULT_TEXT_CONFIG)
        # In Qwen2 checkpoints, the configuration of the language model says whether the head is tied.
        self.tie_word_embeddings = self.tie_word_embeddings or text_config.tie_word_embeddings
        if self.scene_size is None:
            self.scene_size = 1 if self.scene_merging == "none" else 3
        if self.image_grid_pinpoints is None:
            size = vision_config.image_size
            self.image_grid_pinpoints = [
                [rows * size, columns * size] for rows in range(1, 7) for columns in range(1, 7)
            ]
        self.validate_scenes()
        # If this class comes from the installed package, `pipeline()` must find the task in its registry. With
        # `custom_pipelines` it would require `trust_remote_code`.
        if not self.__class__.__module__.startswith("transformers_modules"):
            kwargs.pop("custom_pipelines", None)
        super().__post_init__(**kwargs)

    def validate_scenes(self) -> None:
        """Checks the values, alone and together. Runs when a configuration is created and when it is saved."""
        check_choice("scene_selection", self.scene_selection, SCENE_SELECTIONS)
        check_choice("scene_supplement", self.scene_supplement, SCENE_SUPPLEMENTS)
        check_choice("scene_merging", self.scene_merging, SCENE_MERGINGS)
        check_choice("kmeans_init", self.kmeans_init, KMEANS_INITS)
        check_choice("spatial_pool_mode", self.spatial_pool_mode, SPATIAL_POOL_MODES)
        check_choice("newline_position", self.newline_position, NEWLINE_POSITIONS)
        for name in (
            "num_frames",
            "num_scenes",
            "scene_size",
            "kmeans_max_iterations",
            "spatial_pool_stride",
            "frames_per_chunk",
        ):
            check_at_least(name, getattr(self, name), 1)
        check_at_least("kmeans_tolerance", self.kmeans_tolerance, 0)
        if self.image_token_id == self.video_token_id:
            raise ValueError(f"image_token_id and video_token_id are both {self.video_token_id}.")
        if self.spatial_pool_stride > self.patches_per_side:
            raise ValueError(
                f"spatial_pool_stride={self.spatial_pool_stride} is more than the {self.patches_per_side} patches "
                "along one side of a frame."
            )
        self._check_vision_tower()
        self._check_selection_layer()
        self._check_image_tiles()
        self._check_no_merging()

    def _check_vision_tower(self) -> None:
        model_type = self.get_vision_config().model_type
        if model_type != "siglip_vision_model":
            raise ValueError(
                f"vision_config.model_type={model_type!r} is not supported: FiLA-Video reads the patch grid of a "
                "'siglip_vision_model', which has no class token."
            )

    def _check_selection_layer(self) -> None:
        depth, layer = self.get_vision_config().num_hidden_layers, self.selection_layer
        if layer is not None and not 0 <= layer <= depth:
            raise ValueError(
                f"selection_layer={layer} must be from 0 to {depth}, the number of layers of the vision tower "
                "(vision_config.num_hidden_layers), or None for all of them."
            )

    def _check_image_tiles(self) -> None:
        if not re.fullmatch(r"anyres_max_[1-9]\d*", self.vision_aspect_ratio):
            raise ValueError(f"vision_aspect_ratio={self.vision_aspect_ratio!r} must be 'anyres_max_' and a number.")
        size = self.get_vision_config().image_size
        if not self.image_grid_pinpoints:
            raise ValueError("image_grid_pinpoints=[] leaves no grid of tiles for an image.")
        for pinpoint in self.image_grid_pinpoints:
            if len(pinpoint) != 2 or any(side < size or side % size for side in pinpoint):
                raise ValueError(
                    f"image_grid_pinpoints holds {pinpoint}, which is no multiple of vision_config.image_size={size}."
                )

    def _check_no_merging(self) -> None:
        if self.scene_merging != "none":
            return
        if self.scene_size != 1:
            raise ValueError(
                f"scene_size={self.scene_size} contradicts scene_merging='none': without merging a scene is one frame."
            )
        if self.scene_selection != "uniform":
            raise ValueError(
                f"scene_selection={self.scene_selection!r} contradicts scene_merging='none': without merging every "
                "sampled frame is kept. FiLA-Base is scene_selection='uniform', scene_merging='none'."
            )
        if self.selection_layer is not None:
            raise ValueError(
                f"selection_layer={self.selection_layer} contradicts scene_merging='none': without merging every "
                "sampled frame is kept and goes through all layers."
            )

    def get_vision_config(self) -> PreTrainedConfig:
        """Returns the configuration of the vision tower, as `get_text_config` does for the language model."""
        return cast(PreTrainedConfig, self.vision_config)  # `__post_init__` has replaced a dict or `None`

    @property
    def patches_per_side(self) -> int:
        """Number of patches along one side of a frame, for example 384 // 14 = 27."""
        vision_config = self.get_vision_config()
        return vision_config.image_size // vision_config.patch_size

    @property
    def max_image_tiles(self) -> int:
        """Number of tiles whose patches an image may keep, for example 9 with `"anyres_max_9"`."""
        return int(self.vision_aspect_ratio.removeprefix("anyres_max_"))

    def to_dict(self) -> dict[str, Any]:
        """Returns a dict that can be written as JSON. It names the files that hold the code of a saved model."""
        # `pipeline()` replaces the names in `custom_pipelines` by classes, which JSON cannot represent.
        return {**super().to_dict(), "auto_map": dict(AUTO_MAP), "custom_pipelines": deepcopy(CUSTOM_PIPELINES)}


FilaVideoConfig.register_for_auto_class()

__all__ = ["FilaVideoConfig"]
