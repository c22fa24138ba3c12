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
"""Digests by which videos are recognized: of the sampled frames, and of whole files.

Shape letters: N sampled frames, H and W height and width in pixels.
"""

import os
import stat
import time
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch

from .video_metadata import FilaVideoMetadata


DIGEST_BYTES = 20
BUFFER_BYTES = 2**20
# A file system notes changes in steps, on some of 2 seconds. A file that has just been changed may change once more
# without a trace.
SETTLED_AFTER_SECONDS = 5


def digest_of_frames(frames: torch.Tensor, metadata: FilaVideoMetadata) -> str:
    """Returns the digest of sampled frames, `(N, H, W, 3)` or `(N, 3, H, W)`, and of the times when they are shown."""
    digest = blake2b(digest_size=DIGEST_BYTES)
    digest.update(frames.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return finish_digest(digest, str(frames.dtype), tuple(frames.shape), metadata)


def finish_digest(digest: Any, dtype: str, shape: tuple[int, ...], metadata: FilaVideoMetadata) -> str:
    """Adds to a digest of the values of frames what else there is to know about them."""
    times = metadata.timestamps if metadata.has_timestamps else None
    duration = metadata.duration_seconds if metadata.has_timestamps else None
    digest.update(repr((dtype, shape, list(metadata.frames_indices), times, duration)).encode())
    return digest.hexdigest()


def signature_of(source: Any) -> tuple | None:
    """
    Returns what changes when a file is replaced or written to: device, inode, size, and the times of the last changes,
    of which programs cannot set the second.

    Returns:
        None if `source` is not the path of a file.
    """
    if not isinstance(source, (str, os.PathLike)):
        return None
    try:
        facts = os.stat(source)
    except (OSError, ValueError):  # a URL, among others
        return None
    if not stat.S_ISREG(facts.st_mode):
        return None
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def digest_of_source(source: Any, memory: Any) -> str | None:
    """
    Returns the digest of all bytes of a video file.

    A file is read for it, at about 1 GB per second, unless `memory` knows a file with the same signature that had not
    been changed for some seconds when its digest was made.

    Args:
        source: A path, the bytes of a file, or anything else.
        memory: Keeps the digests of files; see `load_videos`.

    Returns:
        None if `source` is neither a path of a file nor bytes: a URL or a stream has to be read.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return blake2b(source, digest_size=DIGEST_BYTES).hexdigest()
    signature = signature_of(source)
    if signature is None:
        return None
    digest = memory.get(("file", *signature))
    if digest is None:
        is_settled = time.time_ns() - max(signature[-2:]) > SETTLED_AFTER_SECONDS * 10**9
        digest = _digest_of_file(source)
        # Windows has the time of creation in the place of the last change.
        if is_settled and os.name == "posix" and signature_of(source) == signature:
            memory.put(("file", *signature), digest)
    return digest


def _digest_of_file(path: str | os.PathLike) -> str:
    digest, buffer = blake2b(digest_size=DIGEST_BYTES), memoryview(bytearray(BUFFER_BYTES))
    with Path(path).open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
    return digest.hexdigest()
