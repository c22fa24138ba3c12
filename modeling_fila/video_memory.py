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
"""What the processor asks when it is about to read a video file: has it been read and encoded before?"""

from collections.abc import Hashable
from typing import Any, cast

import torch

from .outputs import FilaVideoFeatures
from .video_store import VideoStore


class NotReadAhead(Exception):
    """A video has so many frames that the model encodes it as it is read, which only its own thread does."""


class VideoMemory:
    """
    The part of a [`VideoStore`] that the processor sees, for one batch of prompts.

    Args:
        store: The store.
        model: The model that will get the videos.
        pixel_settings: What else determines the pixels, apart from the frames: see `pixel_settings` of the processor.
        scene_options: As in `get_video_features`.
        encoded: For each key the features of a video. It is changed to hold those of all videos that are not read, so
            that they are still there when the model needs them.

    Attributes:
        may_skip_reading: Whether a video need not be read if its features are known.
        streams_above: The largest number of frames that are read into memory; the frames of videos with more of them
            are encoded as they are read. None reads all videos into memory.
        reads_ahead: Whether videos are read while the model works on others: `encode` then raises [`NotReadAhead`].
    """

    def __init__(
        self,
        store: VideoStore,
        model: Any,
        pixel_settings: str,
        scene_options: dict[str, Any] | None,
        encoded: dict[Hashable, FilaVideoFeatures],
    ):
        self._store, self._model, self._encoded = store, model, encoded
        self._pixel_settings, self._scene_options = pixel_settings, scene_options
        self.may_skip_reading, self.streams_above = True, cast("int | None", None)
        self.reads_ahead = False

    def get(self, key: Hashable) -> Any:
        """Returns what was remembered for a key, or None."""
        return self._store.files.get(key)

    def put(self, key: Hashable, value: Any) -> None:
        """Remembers something small."""
        self._store.files.put(key, value, 1)

    def content_of(self, frames_digest: str) -> str:
        """Returns what determines the pixels of a video whose sampled frames have this digest."""
        return f"{frames_digest} {self._pixel_settings}"

    @torch.no_grad()
    def encode(self, stream: Any) -> None:
        """Encodes the frames of a stream, which has `frames_at`, and `frames_digest` when they have been read."""
        if self.reads_ahead:
            raise NotReadAhead
        features = self._model.encode_video(
            stream, stream.frames_at, num_frames=len(stream), scene_options=self._scene_options
        )
        content = self.content_of(stream.frames_digest)
        self._encoded[self._store.put_features(self._model, content, features, self._scene_options)] = features

    @torch.no_grad()
    def is_encoded(self, frames_digest: str) -> bool:
        """Whether a video whose sampled frames have this digest need not be read, because its features are there."""
        if not self.may_skip_reading:
            return False
        key = self._store.feature_keys(self._model, [self.content_of(frames_digest)], self._scene_options)[0]
        if key not in self._encoded:
            features = self._store.find_features(key)
            if features is None:
                return False
            self._encoded[key] = features
        return True
