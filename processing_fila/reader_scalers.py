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
"""The scalers of HDR frames: one for each kind of frame, shared by all videos and threads of the process.

libswscale builds its tables of colors when a scaler meets its first frame, which takes 3 CPU seconds or more for HDR.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .reader_source import av


MAX_KINDS = 8


@dataclass
class _SharedScaler:
    reformatter: Any
    lock: threading.Lock = field(default_factory=threading.Lock)


class SharedScalers:
    """Scalers by kind, each used by one thread at a time. The one that was not used for longest is given up first.

    Waiting for another thread's frame takes less time than building the tables again.

    Args:
        max_kinds: Largest number of scalers that are kept.
    """

    def __init__(self, max_kinds: int = MAX_KINDS):
        self._max_kinds = max_kinds
        self.clear()

    def clear(self) -> None:
        """Forgets all scalers. In a child process after a fork, another thread's lock would stay locked for ever."""
        self._lock = threading.Lock()
        self._scalers: OrderedDict[Hashable, _SharedScaler] = OrderedDict()

    @contextmanager
    def of(self, kind: Hashable) -> Iterator[Any]:
        """Gives the scaler of a kind of frames to this thread alone."""
        with self._lock:
            scaler = self._scalers.get(kind)
            if scaler is None:
                scaler = self._scalers[kind] = _SharedScaler(av.video.reformatter.VideoReformatter())
            self._scalers.move_to_end(kind)
            if len(self._scalers) > self._max_kinds:
                self._scalers.popitem(last=False)
        with scaler.lock:
            yield scaler.reformatter


hdr_scalers = SharedScalers()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=hdr_scalers.clear)
