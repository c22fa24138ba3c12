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
from typing import Any, ClassVar

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, PreTrainedConfig


SCENE_SELECTIONS = ("kmeans", "uniform", "bsm")
SCENE_SUPPLEMENTS = ("similar", "dissimilar")
SCENE_MERGINGS = ("weighted", "average", "attention", "bsm", "none")
KMEANS_INITS = ("random", "kmeans++")
SPATIAL_POOL_MODES = ("bilinear", "average", "max")
NEWLINE_POSITIONS = ("one_token", "grid", "frame", "no_token")

# SigLIP so400m patch14-384 without its last layer and its pooling head: what LLaVA-OneVision keeps of it.
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

# Where transformers finds the classes in a saved folder. `register_for_auto_class` writes only the entry of the class
# that is being saved, and a checkpoint loaded from the Hub keeps `repository--module.Class` in the others.
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
    """A sub-configuration from what the user gave: nothing (the default), a dict, or a configuration."""
    if isinstance(config, PreTrainedConfig):
        return config
    values = dict(default if config is None else config)
    return AutoConfig.for_model(values.pop("model_type", default["model_type"]), **values)


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name}={value!r} is unknown; choose one of {', '.join(map(repr, choices))}.")


@strict
class FilaVideoConfig(PreTrainedConfig):
    r"""
    Configuration of [`FilaVideoModel`] and [`FilaVideoForConditionalGeneration`]. The defaults are the paper's
    FiLA-Video-7B: 96 frames, 32 scenes of 3, k-means selection, weighted merging. FiLA-Base-7B, which the paper
    compares with, is `FilaVideoConfig(scene_selection="uniform", scene_merging="none")`.

    Args:
        vision_config (`dict` or [`SiglipVisionConfig`], *optional*):
            The vision tower. Default: SigLIP so400m patch14-384, cut to 26 layers, without a pooling head. The states
            that leave its last layer, before its final norm, feed the projector, so a tower of L layers that is read
            at layer -2 is configured with L - 1 layers.
        text_config (`dict` or [`Qwen2Config`], *optional*):
            The language model. Default: Qwen2-7B-Instruct.
        image_token_id (`int`, *optional*, defaults to 151646):
            Id of the `<image>` placeholder.
        video_token_id (`int`, *optional*, defaults to 151647):
            Id of the `<video>` placeholder. Each placeholder is replaced by one visual token.
        num_frames (`int`, *optional*, defaults to 96):
            N, the frames sampled from a video (section 4.1). The processor samples; the model takes any number.
        num_scenes (`int`, *optional*, defaults to 32):
            M, the scenes kept, and so the feature maps that reach the language model: S = min(N, num_scenes).
            Not used by `scene_merging="none"`, where every frame is a scene.
        scene_size (`int`, *optional*):
            r + 1, frames in a scene: one representative and r supplements. Default: 3, or 1 where
            `scene_merging="none"`.
        scene_selection (`str`, *optional*, defaults to `"kmeans"`):
            `"kmeans"` (section 3.1), `"uniform"`, or `"bsm"` (Appendix B).
        scene_supplement (`str`, *optional*, defaults to `"similar"`):
            Whether a scene gets the earlier frames most `"similar"` to its representative (eq. 5, 6) or the most
            `"dissimilar"` ones (Table 2).
        scene_merging (`str`, *optional*, defaults to `"weighted"`):
            `"weighted"` (eq. 7, 8), `"average"`, `"attention"` (C.1), `"bsm"` (C.2), or `"none"` (FiLA-Base).
        kmeans_init (`str`, *optional*, defaults to `"random"`):
            `"random"` (the paper) or `"kmeans++"`.
        kmeans_seed (`int`, *optional*, defaults to 0):
            Seed of the clustering's own generator: the same video gives the same scenes on every run.
        kmeans_max_iterations (`int`, *optional*, defaults to 100):
            Limit on Lloyd steps.
        kmeans_tolerance (`float`, *optional*, defaults to 1e-4):
            Clustering ends when no centre moves farther than this.
        projector_hidden_act (`str`, *optional*, defaults to `"gelu"`):
            Activation between the projector's two layers.
        multimodal_projector_bias (`bool`, *optional*, defaults to `True`):
            Whether the projector's layers have a bias.
        image_grid_pinpoints (`list[list[int]]`, *optional*):
            Heights and widths, in pixels, at which tiles of an image may be laid out. Default: 1 to 6 tiles of the
            tower's size either way, as in LLaVA-OneVision.
        vision_aspect_ratio (`str`, *optional*, defaults to `"anyres_max_9"`):
            `"anyres_max_9"`: an image keeps about as many patches as 9 tiles have.
        spatial_pool_mode (`str`, *optional*, defaults to `"bilinear"`):
            How a feature map is made smaller after the projector: `"bilinear"` (side 27 -> 14), `"average"` or `"max"`
            (27 -> 13), as in LLaVA-OneVision and LLaVA-Video.
        spatial_pool_stride (`int`, *optional*, defaults to 2):
            By how much; 1 keeps every patch.
        newline_position (`str`, *optional*, defaults to `"one_token"`):
            Where the newline token stands: once at the end (`"one_token"`), after every row (`"grid"`), after every
            feature map (`"frame"`), or nowhere (`"no_token"`).
        frames_per_chunk (`int`, *optional*, defaults to 16):
            Frames that go through the vision tower at once, of several videos if they hold equally many. Bounds memory;
            does not change the result.
        tie_word_embeddings (`bool`, *optional*, defaults to `False`):
            Whether the language model's head shares the input embeddings (true of the 0.5B model).

    Raises:
        `ValueError`: if a value is unknown, out of range, or contradicts another; the message names field and value.
        `StrictDataclassFieldValidationError`: if a value has the wrong type.
    """

    model_type = "fila_video"
    sub_configs: ClassVar[dict[str, Any]] = {"vision_config": AutoConfig, "text_config": AutoConfig}
    # What stays in float when the language model is quantised: `QuantoConfig(modules_to_not_convert=...)`. transformers
    # compares with the start of a module's full name, which is shorter in a bare `FilaVideoModel`.
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
        self.vision_config = _sub_config(self.vision_config, DEFAULT_VISION_CONFIG)
        self.text_config = _sub_config(self.text_config, DEFAULT_TEXT_CONFIG)
        # Qwen2 checkpoints say in their own configuration whether the head is tied.
        self.tie_word_embeddings = self.tie_word_embeddings or self.text_config.tie_word_embeddings
        if self.scene_size is None:
            self.scene_size = 1 if self.scene_merging == "none" else 3
        if self.image_grid_pinpoints is None:
            size = self.vision_config.image_size
            self.image_grid_pinpoints = [
                [rows * size, columns * size] for rows in range(1, 7) for columns in range(1, 7)
            ]
        self.validate_scenes()
        # Where this class is imported from an installed package, `pipeline()` shall find the task in its registry:
        # `custom_pipelines` would make it demand `trust_remote_code`.
        if not self.__class__.__module__.startswith("transformers_modules"):
            kwargs.pop("custom_pipelines", None)
        super().__post_init__(**kwargs)

    def validate_scenes(self) -> None:
        """Checks the values, alone and together. Runs when a configuration is made and when it is saved."""
        _check_choice("scene_selection", self.scene_selection, SCENE_SELECTIONS)
        _check_choice("scene_supplement", self.scene_supplement, SCENE_SUPPLEMENTS)
        _check_choice("scene_merging", self.scene_merging, SCENE_MERGINGS)
        _check_choice("kmeans_init", self.kmeans_init, KMEANS_INITS)
        _check_choice("spatial_pool_mode", self.spatial_pool_mode, SPATIAL_POOL_MODES)
        _check_choice("newline_position", self.newline_position, NEWLINE_POSITIONS)
        for name in (
            "num_frames",
            "num_scenes",
            "scene_size",
            "kmeans_max_iterations",
            "spatial_pool_stride",
            "frames_per_chunk",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} must be at least 1.")
        if not self.kmeans_tolerance >= 0:
            raise ValueError(f"kmeans_tolerance={self.kmeans_tolerance} must be 0 or more.")
        if self.image_token_id == self.video_token_id:
            raise ValueError(f"image_token_id and video_token_id are both {self.video_token_id}.")
        if self.spatial_pool_stride > self.patches_per_side:
            raise ValueError(
                f"spatial_pool_stride={self.spatial_pool_stride} is more than the {self.patches_per_side} patches "
                "along a side of a frame."
            )
        self._check_vision_tower()
        self._check_image_tiles()
        self._check_no_merging()

    def _check_vision_tower(self) -> None:
        if self.vision_config.model_type != "siglip_vision_model":
            raise ValueError(
                f"vision_config.model_type={self.vision_config.model_type!r} is not supported: FiLA-Video reads the "
                "patch grid of a 'siglip_vision_model', which has no class token."
            )

    def _check_image_tiles(self) -> None:
        if not re.fullmatch(r"anyres_max_[1-9]\d*", self.vision_aspect_ratio):
            raise ValueError(f"vision_aspect_ratio={self.vision_aspect_ratio!r} must be 'anyres_max_' and a number.")
        size = self.vision_config.image_size
        if not self.image_grid_pinpoints:
            raise ValueError("image_grid_pinpoints=[] leaves no size at which an image can be laid out.")
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

    @property
    def patches_per_side(self) -> int:
        """Patches along one side of a frame: 384 // 14 = 27."""
        return self.vision_config.image_size // self.vision_config.patch_size

    @property
    def max_image_tiles(self) -> int:
        """Tiles whose patches an image may keep: 9 of `"anyres_max_9"`."""
        return int(self.vision_aspect_ratio.removeprefix("anyres_max_"))

    def to_dict(self) -> dict[str, Any]:
        """
        The configuration as a JSON-serialisable dict, with the names under which a saved folder's code is found.
        """
        # `pipeline()` puts classes in place of the names in `custom_pipelines`, and JSON has no word for a class.
        return {**super().to_dict(), "auto_map": dict(AUTO_MAP), "custom_pipelines": deepcopy(CUSTOM_PIPELINES)}


FilaVideoConfig.register_for_auto_class()

__all__ = ["FilaVideoConfig"]
