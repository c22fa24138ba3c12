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
"""The fields of the configuration that may differ from one video to the next, because no weight depends on them."""

from copy import copy
from typing import Any

from .configuration_fila import FilaVideoConfig


SCENE_OPTIONS = (
    "num_scenes",
    "scene_selection",
    "scene_supplement",
    "selection_layer",
    "kmeans_init",
    "kmeans_seed",
    "kmeans_max_iterations",
    "kmeans_tolerance",
)


def with_scene_options(config: FilaVideoConfig, scene_options: dict[str, Any] | None) -> FilaVideoConfig:
    """Returns the configuration with these options in place of its own. `config` is not changed.

    Args:
        config: Configuration of the model.
        scene_options: Some of `SCENE_OPTIONS`, or `None`.

    Raises:
        ValueError: If an option is unknown, out of range, or has no effect on a model that keeps every frame.
        StrictDataclassFieldValidationError: If a value has the wrong type.
    """
    if not scene_options:
        return config
    for name, value in scene_options.items():
        if name not in SCENE_OPTIONS:
            raise ValueError(f"{name}={value!r} is not a scene option; choose from {', '.join(SCENE_OPTIONS)}.")
        if config.scene_merging == "none":
            raise ValueError(f"{name}={value!r} has no effect: with scene_merging='none', every sampled frame is kept.")
    changed = copy(config)
    for name, value in scene_options.items():
        setattr(changed, name, value)
    changed.validate_scenes()
    return changed


def selection_arguments(config: FilaVideoConfig, num_frames: int) -> dict[str, Any]:
    """Returns the keyword arguments of `find_scenes` that this configuration stands for.

    Args:
        config: Configuration of the model, with the options of the video in place.
        num_frames: Number of sampled frames of the video.
    """
    # CODEPATH: FiLA-Base (scene_merging="none") keeps every frame; FiLA-Video keeps num_scenes.
    num_scenes = num_frames if config.scene_merging == "none" else config.num_scenes
    return {
        "num_scenes": num_scenes,
        "scene_size": config.scene_size,
        "selection": config.scene_selection,
        "supplement": config.scene_supplement,
        "kmeans_init": config.kmeans_init,
        "kmeans_seed": config.kmeans_seed,
        "kmeans_max_iterations": config.kmeans_max_iterations,
        "kmeans_tolerance": config.kmeans_tolerance,
    }
