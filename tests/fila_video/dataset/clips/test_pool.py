"""The pool: every clip is probed once, and bad clips are rejected with a reason."""

import json
from pathlib import Path

import pytest

from fila_video.dataset.clips.pool import PoolClip, read_pool, write_pool


def records(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_clips_that_cannot_be_probed_are_rejected_with_a_reason_and_not_probed_twice(own_workshop, tmp_path, capsys):
    (own_workshop.clips / "clip-007.mp4").unlink()
    (own_workshop.clips / "clip-008.mp4").write_bytes(b"nothing")
    output = tmp_path / "long"
    assert own_workshop.plan(output) == 0
    assert "28 clips can be used, 2 records cannot (" in capsys.readouterr().out
    rejected = {entry["video"]: entry["reason"] for entry in records(output / "rejected.jsonl")}
    assert "does not exist" in rejected["clip-007.mp4"] and "not a readable video" in rejected["clip-008.mp4"]
    memory = (output / "probed.jsonl").read_bytes()
    assert len(memory.splitlines()) == 30

    # A run was killed while it wrote the last line: only that clip is probed again.
    (output / "probed.jsonl").write_bytes(memory[:-20])
    plan = (output / "plan.jsonl").read_bytes()
    assert own_workshop.plan(output) == 0
    assert (output / "probed.jsonl").read_bytes() == memory
    assert (output / "plan.jsonl").read_bytes() == plan


def test_a_clip_that_changed_is_probed_again(own_workshop, tmp_path):
    output = tmp_path / "long"
    assert own_workshop.plan(output) == 0
    (own_workshop.clips / "clip-008.mp4").write_bytes(b"nothing")
    assert own_workshop.plan(output) == 0
    assert len(records(output / "probed.jsonl")) == 31
    assert [entry["video"] for entry in records(output / "rejected.jsonl")] == ["clip-008.mp4"]


def test_a_pool_is_read_as_it_was_written(tmp_path):
    clips = [PoolClip(f"{n}.mp4", "A caption.", "clips", 2.5, 10, "h264", None) for n in range(3)]
    write_pool(tmp_path / "clips.jsonl", clips)
    assert list(read_pool(tmp_path / "clips.jsonl").values()) == clips


def test_a_line_that_is_not_a_clip_is_an_error(tmp_path):
    (tmp_path / "clips.jsonl").write_text('{"video": "a.mp4"}\n', encoding="utf-8")
    with pytest.raises(ValueError, match="clips.jsonl, line 1 is not a clip of a pool"):
        read_pool(tmp_path / "clips.jsonl")
