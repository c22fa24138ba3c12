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
"""A dictionary with a limit on entries and bytes, which forgets what has not been used for the longest time."""

from collections import OrderedDict
from collections.abc import Hashable
from threading import RLock
from typing import Any

from .modeling_choices import check_at_least


class BoundedStore:
    """
    Keeps values within limits. Several threads may use it.

    Args:
        max_entries: Largest number of values.
        max_bytes: Largest number of bytes of all values together. A value that is larger is not kept.

    Attributes:
        num_bytes: Bytes of all values, as stated when they were put.

    Raises:
        ValueError: If a limit is negative.
    """

    def __init__(self, max_entries: int, max_bytes: int):
        check_at_least("max_entries", max_entries, 0)
        check_at_least("max_bytes", max_bytes, 0)
        self.max_entries, self.max_bytes = max_entries, max_bytes
        self.num_bytes = 0
        self._values: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()  # the one used last stands last
        self._lock = RLock()

    def get(self, key: Hashable) -> Any:
        """Returns the value of a key, or None. It counts as used."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def put(self, key: Hashable, value: Any, num_bytes: int) -> None:
        """Keeps a value that takes this number of bytes, in place of an earlier one with the same key."""
        with self._lock:
            self.discard(key)
            if num_bytes > self.max_bytes:
                return
            self._values[key] = value, num_bytes
            self.num_bytes += num_bytes
            while len(self._values) > self.max_entries or self.num_bytes > self.max_bytes:
                self.discard(next(iter(self._values)))

    def discard(self, key: Hashable) -> None:
        """Forgets a key, if it is there."""
        with self._lock:
            self.num_bytes -= self._values.pop(key, (None, 0))[1]

    def items(self) -> list[tuple[Hashable, Any]]:
        """Returns all keys and values, the one used last at the end. None of them counts as used."""
        with self._lock:
            return [(key, value) for key, (value, _) in self._values.items()]

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._values.clear()
            self.num_bytes = 0

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._values
