"""Digests of files and of sampled frames."""

import os
import time
from hashlib import blake2b

import numpy as np
import pytest
import torch

from processing_fila.video_digests import SETTLED_AFTER_SECONDS, digest_of_frames, digest_of_source, signature_of
from processing_fila.video_metadata import metadata_of_frames


class Memory(dict):
    def put(self, key, value):
        self[key] = value


@pytest.fixture
def path(tmp_path):
    """A file of three buffers and a bit, which was not changed for some time (as far as a program can say so)."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(np.random.default_rng(0).bytes(3 * 2**20 + 17))
    return path


def expected(content):
    return blake2b(content, digest_size=20).hexdigest()


def test_all_bytes_of_a_file_count(path):
    content = path.read_bytes()
    assert digest_of_source(path, Memory()) == digest_of_source(str(path), Memory()) == expected(content)
    assert digest_of_source(content, Memory()) == digest_of_source(memoryview(content), Memory()) == expected(content)


@pytest.mark.parametrize(
    "source", ["http://localhost/clip.mp4", "data:video/mp4;base64,AAAA", "no such file", "a\0b", 7]
)
def test_what_is_no_file_has_no_digest(source, tmp_path):
    assert digest_of_source(source, Memory()) is None
    assert digest_of_source(tmp_path, Memory()) is None


def test_the_digest_of_a_file_is_remembered_only_if_it_had_settled(path, monkeypatch):
    memory, now = Memory(), time.time_ns()
    digest_of_source(path, memory)
    assert memory == {}
    monkeypatch.setattr(time, "time_ns", lambda: now + (SETTLED_AFTER_SECONDS + 1) * 10**9)
    digest_of_source(path, memory)
    ((key, digest),) = memory.items()
    assert digest == expected(path.read_bytes())
    memory[key] = "remembered"
    assert digest_of_source(path, memory) == "remembered"


@pytest.mark.parametrize("is_in_place", [True, False])
def test_a_file_of_the_same_size_and_time_of_change_is_digested_again(path, monkeypatch, is_in_place):
    later = time.time_ns() + (SETTLED_AFTER_SECONDS + 1) * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: later)
    memory, before = Memory(), path.stat()
    digest_of_source(path, memory)
    time.sleep(0.02)  # longer than a step of the clock of the file system
    changed = bytes(reversed(path.read_bytes()))
    if not is_in_place:
        path.unlink()
    path.write_bytes(changed)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert digest_of_source(path, memory) == expected(changed)
    assert signature_of(path) != before


def test_pixels_shapes_indices_and_times_count():
    frames = torch.arange(2 * 4 * 6 * 3, dtype=torch.uint8).reshape(2, 4, 6, 3)
    changed = frames.clone()
    changed[1, 3, 5, 2] += 1
    videos = [
        (frames, {"fps": 5}),
        (frames, {"fps": 6}),
        (frames, {}),
        (frames, {"frame_seconds": [0.0, 0.3]}),
        (frames, {"fps": 5, "frames_indices": [0, 2]}),
        (changed, {"fps": 5}),
        (frames.reshape(2, 6, 4, 3), {"fps": 5}),
        (frames.float(), {"fps": 5}),
    ]
    digests = [digest_of_frames(frames, metadata_of_frames(given, len(frames))) for frames, given in videos]
    assert len(set(digests)) == len(videos)
    again = digest_of_frames(frames.transpose(1, 2).contiguous().transpose(1, 2), metadata_of_frames({"fps": 5}, 2))
    assert again == digests[0]
