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
"""Encodes a video whose frames come one after the other, in memory that does not grow with their number.

Shape letters: N frames, S scenes, K frames per scene, P patches, D width of the vision tower, H and W pixels.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.utils import logging

from .modeling_choices import check_at_least
from .scene_selection import frame_representations
from .vision_features import encode_frames, finish_frames


MIN_ROWS = 256  # of a growing tensor: enough for most videos


class StreamedFeatures:
    """
    The representations of all frames of a stream, and the patch features of some.

    Args:
        vision_tower: A SigLIP vision model.
        frames_per_chunk: Number of frames that go through the tower at once.
        max_feature_bytes: Largest size of the patch features that are kept.
        selection_layer: Number of layers that all frames go through, or None for all layers. The representations, and
            the patch features that are kept, are then the states of that layer.
    """

    def __init__(
        self,
        vision_tower: PreTrainedModel,
        frames_per_chunk: int,
        max_feature_bytes: int,
        selection_layer: int | None = None,
    ):
        check_at_least("frames_per_chunk", frames_per_chunk, 1)
        check_at_least("max_feature_bytes", max_feature_bytes, 0)
        self._tower, self._frames_per_chunk, self._layer = vision_tower, frames_per_chunk, selection_layer
        # accelerate's hooks move the frames to weights that it has offloaded.
        self._device = vision_tower.device if vision_tower.device.type != "meta" else torch.device("cpu")
        self._max_feature_bytes = max_feature_bytes
        self._kept, self._num_kept = torch.empty(0), 0  # (room, P, D), of which the first ones are in use

    def read(self, frames: Iterable[Any], *, num_frames: int | None, shows_progress: bool) -> torch.Tensor:
        """Encodes all frames; returns their representations (N, D), float32.

        Raises:
            ValueError: If there is no frame.
        """
        representations = GrowingTensor()  # (N, D)
        with logging.tqdm(total=num_frames, desc="frames", unit="frame", disable=not shows_progress) as progress:
            for chunk in chunks_of(frames, self._frames_per_chunk, self._device):
                features = encode_frames(self._tower, chunk, self._frames_per_chunk, self._layer)  # (chunk, P, D)
                representations.add(frame_representations(features))  # (chunk, D)
                self._keep(features, num_frames)
                progress.update(len(chunk))
        if not len(representations):
            raise ValueError("The video has no frame.")
        return representations.rows

    def _keep(self, features: torch.Tensor, num_frames: int | None) -> None:
        """Keeps the patch features of the first frames of the stream, up to the limit.

        They are copied into one tensor, as frames are into a chunk. Its memory is used only as it is filled.
        """
        if not self._num_kept:
            room = self._max_feature_bytes // features[0].nbytes
            room = room if num_frames is None else min(room, num_frames)
            self._kept = torch.empty((room, *features.shape[1:]), dtype=features.dtype, device=features.device)
        count = min(len(features), len(self._kept) - self._num_kept)
        self._kept[self._num_kept : self._num_kept + count] = features[:count]
        self._num_kept += count

    def of_scenes(
        self, frame_indices: torch.Tensor, frames_at: Callable[[list[int]], Iterable[Any]] | None
    ) -> torch.Tensor:
        """Returns the patch features of the frames of all scenes; encodes again what was not kept.

        Args:
            frame_indices: Shape (S, K).
            frames_at: Returns the frames with these increasing indices once more.

        Returns:
            Shape (S, K, P, D).

        Raises:
            ValueError: If frames are missing.
        """
        wanted = sorted(set(frame_indices.flatten().tolist()))
        found = {place: self._kept[place] for place in wanted if place < self._num_kept}
        missing = [place for place in wanted if place not in found]
        if missing:
            if frames_at is None:
                raise ValueError(
                    f"The patch features of {len(missing)} of {len(wanted)} selected frames did not fit into "
                    "max_feature_bytes: raise it, or give frames_at, which reads frames once more."
                )
            found |= zip(missing, self._encode_again(frames_at(missing), len(missing)), strict=True)
        rows = {place: row for row, place in enumerate(wanted)}
        table = torch.stack([found[place] for place in wanted])  # (frames, P, D)
        if self._layer is not None:
            table = finish_frames(self._tower, table, self._layer, self._frames_per_chunk)
        places = torch.tensor([[rows[place] for place in scene] for scene in frame_indices.tolist()])
        return table[places.to(table.device)]

    def _encode_again(self, frames: Iterable[Any], num_wanted: int) -> list[torch.Tensor]:
        chunks = chunks_of(frames, self._frames_per_chunk, self._device)
        encoded = (encode_frames(self._tower, chunk, self._frames_per_chunk, self._layer) for chunk in chunks)
        features = [row for features in encoded for row in features]
        if len(features) != num_wanted:
            raise ValueError(f"frames_at gave {len(features)} frames, but {num_wanted} were asked for.")
        return features


class GrowingTensor:
    """
    Rows that are added some at a time, kept in one tensor that doubles its size when it is full.

    A small tensor for each chunk would stay in memory between the large tensors of the tower, which come and go. The
    allocator could not join the free memory on both sides of it, and the process would grow with every few chunks.
    """

    def __init__(self):
        self._table, self._num_rows = torch.empty(0), 0

    def __len__(self) -> int:
        return self._num_rows

    @property
    def rows(self) -> torch.Tensor:
        """All rows, of the shape (rows, ...). It shares its memory with this object."""
        return self._table[: self._num_rows]

    def add(self, rows: torch.Tensor) -> None:
        """Copies rows, of the shape (new rows, ...), to the end."""
        num_rows = self._num_rows + len(rows)
        if num_rows > len(self._table):
            table = rows.new_empty((max(2 * num_rows, MIN_ROWS), *rows.shape[1:]))
            if self._num_rows:
                table[: self._num_rows] = self.rows
            self._table = table
        self._table[self._num_rows : num_rows] = rows
        self._num_rows = num_rows


def chunks_of(frames: Iterable[Any], size: int, device: torch.device) -> Iterator[torch.Tensor]:
    """
    Puts frames that come one by one, or some at a time, into chunks of one size; the last one may be smaller.

    Args:
        frames: Arrays or tensors, uint8: (H, W, 3) or (3, H, W), or several of them with one more dimension in front. A
            generator is closed at the end, also if an error or an interruption ends the work.
        size: Number of frames of a chunk.
        device: Device of the chunks.

    Yields:
        uint8, shape (size, 3, H, W). The next chunk is written into the same memory.

    Raises:
        ValueError: If something is no frame, or has another size than the first one.
    """
    # Frames are copied at once. Those that wait, each on its own, would leave holes in the memory between the large
    # tensors of the tower: an hour of frames then takes hundreds of MiB that are never used again.
    chunk, num_waiting = torch.empty(0, dtype=torch.uint8), 0
    iterator = iter(frames)
    try:
        for frame in (frame for item in iterator for frame in as_frames(item)):
            if not len(chunk):
                chunk = torch.empty((size, *frame.shape), dtype=torch.uint8)
            if frame.shape != chunk.shape[1:]:
                raise ValueError(
                    f"A frame of the shape {tuple(frame.shape)} follows frames of {tuple(chunk.shape[1:])}."
                )
            chunk[num_waiting] = frame
            num_waiting += 1
            if num_waiting == size:
                yield chunk.to(device)
                num_waiting = 0
        if num_waiting:
            yield chunk[:num_waiting].to(device)
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()


def as_frames(item: Any) -> Sequence[torch.Tensor]:
    """Returns the frames, each (3, H, W), of one item of a stream."""
    frames = torch.as_tensor(item)
    if frames.dtype != torch.uint8 or frames.ndim not in (3, 4) or 3 not in (frames.shape[-1], frames.shape[-3]):
        raise ValueError(
            f"A stream holds uint8 frames of the shape (height, width, 3) or (3, height, width), not {frames.dtype} of "
            f"the shape {tuple(frames.shape)}."
        )
    frames = frames[None] if frames.ndim == 3 else frames
    return list(frames if frames.shape[-3] == 3 else frames.permute(0, 3, 1, 2))
