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
The times of the selected scenes, among the visual tokens that the language model reads.

In prompts with the times of scenes, the tokens of a time stand as placeholders, like visual tokens: which scenes a
video has is known only when the model has selected them.

Shape letters: V videos, N frames, S scenes, L visual tokens of a video, C width of the language model; "digits" is the
number of tokens of a time.
"""

from collections.abc import Callable
from typing import cast

import torch

from .exporting import check_in_program, is_exporting
from .outputs import FilaVideoFeatures


def with_scene_times(
    features: FilaVideoFeatures,
    frame_time_ids: torch.Tensor | None,
    times_are_interleaved: torch.Tensor | None,
    embed: Callable[[torch.Tensor], torch.Tensor],
) -> FilaVideoFeatures:
    """
    Adds the embedded times of the scenes to `pooler_output`, at the places where the prompt has them.

    Args:
        features: What the model made of V videos.
        frame_time_ids: `(V, N, digits)`, the tokens of each frame's time, padded with -1; None for no times.
        times_are_interleaved: `(V,)`, whether each time stands before its scene's visual tokens, or all times stand
            after all visual tokens.
        embed: The embedding of the language model.

    Raises:
        ValueError: If only one of the two is given, if the times do not fit the videos, or if the features have been
            made with other times.
    """
    if frame_time_ids is None and times_are_interleaved is None:
        return features
    if frame_time_ids is None or times_are_interleaved is None:
        raise ValueError("Give frame_time_ids and times_are_interleaved together, as the processor returns them.")
    representatives = cast(torch.Tensor, features.scene_representatives)  # (V, S)
    time_ids = times_of(representatives, frame_time_ids)  # (V, S, digits)
    if len(times_are_interleaved) != len(time_ids):
        raise ValueError(
            f"times_are_interleaved of shape {tuple(times_are_interleaved.shape)} does not have one entry for each of "
            f"{len(time_ids)} videos."
        )
    if features.scene_time_ids is not None:
        _check_same_times(features, time_ids, times_are_interleaved)
        return features
    layouts = times_are_interleaved if is_exporting() else times_are_interleaved.tolist()
    pooled = []
    for tokens, ids, (scenes, digits), is_interleaved in zip(
        cast(list, features.pooler_output), time_ids, sizes_of(representatives, time_ids), layouts, strict=True
    ):
        times = embed(ids[:scenes, :digits]).to(tokens.device)  # (S, digits, C)
        pooled.append(place_times(tokens, times, is_interleaved))
    added = {"scene_time_ids": time_ids, "times_are_interleaved": times_are_interleaved}
    return FilaVideoFeatures(**{**features, "pooler_output": pooled, **added})


def sizes_of(representatives: torch.Tensor, time_ids: torch.Tensor) -> list[tuple[int, int]]:
    """The number of scenes and of tokens of a time, for each video, from `(V, S)` and `(V, S, digits)`."""
    if is_exporting():  # the shapes of a program are fixed
        is_whole = (representatives >= 0).all() & (time_ids >= 0).all()
        check_in_program(is_whole, "All videos must have the same number of scenes and of tokens of a time.")
        return [(time_ids.shape[1], time_ids.shape[2])] * len(time_ids)
    num_scenes = (representatives >= 0).sum(1).tolist()
    num_digits = (time_ids[:, 0] >= 0).sum(1).tolist()
    return list(zip(num_scenes, num_digits, strict=True))


def times_of(representatives: torch.Tensor, frame_time_ids: torch.Tensor) -> torch.Tensor:
    """The tokens of the times `(V, S, digits)` of the representatives `(V, S)`, from those of all frames."""
    num_videos, num_frames = frame_time_ids.shape[:2]
    last_frame = 0 if is_exporting() else int(representatives.max())  # a program fails when it takes the last frame
    if num_videos != len(representatives) or num_frames <= last_frame:
        raise ValueError(
            f"frame_time_ids of shape {tuple(frame_time_ids.shape)} do not fit the {len(representatives)} videos, "
            f"whose scenes reach to frame {last_frame}."
        )
    frame_time_ids = frame_time_ids.to(representatives.device)
    videos = torch.arange(len(representatives), device=representatives.device)[:, None]
    time_ids = frame_time_ids[videos, representatives.clamp(min=0)]
    if not is_exporting() and (time_ids[..., 0] < 0)[representatives >= 0].any():  # `sizes_of` checks it in a program
        raise ValueError("frame_time_ids has no times for some frames of the scenes: are these of other videos?")
    return time_ids


def _check_same_times(features: FilaVideoFeatures, time_ids: torch.Tensor, times_are_interleaved: torch.Tensor) -> None:
    """Refuses features that were made for a prompt with other times: the counts may agree all the same."""
    has_same_layout = cast(torch.Tensor, features.times_are_interleaved).tolist() == times_are_interleaved.tolist()
    if not has_same_layout or not torch.equal(cast(torch.Tensor, features.scene_time_ids), time_ids):
        raise ValueError(
            "These features were made with other times of the scenes. To ask with several values of timestamps, encode "
            "the video without frame_time_ids and times_are_interleaved, and give these to generate with each prompt."
        )


def place_times(tokens: torch.Tensor, times: torch.Tensor, is_interleaved: bool | torch.Tensor) -> torch.Tensor:
    """
    Puts the times (S, digits, C) of a video where its prompt has them: before the visual tokens (L, C) of their scenes,
    or after all of them. If the layout is a tensor, both are made and one is taken. The result has L + S * digits rows.
    """
    if isinstance(is_interleaved, torch.Tensor):
        both = [place_times(tokens, times, layout) for layout in (True, False)]
        return torch.where(is_interleaved.to(tokens.device), *both)
    return interleave(tokens, times) if is_interleaved else torch.cat([tokens, times.flatten(0, 1)])


def interleave(tokens: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
    """
    Puts each scene's time before the scene's visual tokens: (L, C) and (S, digits, C) -> (L + S * digits, C).

    Each scene has the same number of visual tokens; those that are left over, such as a newline at the end of the
    video, follow the last scene.
    """
    num_scenes = len(times)
    end = len(tokens) // num_scenes * num_scenes
    scenes = tokens[:end].unflatten(0, (num_scenes, -1))  # (S, L // S, C)
    return torch.cat([torch.cat([times, scenes], dim=1).flatten(0, 1), tokens[end:]])
