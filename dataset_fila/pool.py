"""All clips that can be planned with: what the user gave, probed. Kept in a file, so that probing is done once."""

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .files import read_records, sha256_of, to_line, write_jsonl
from .probe import BadClipError, probe_clip
from .records import CaptionedClip, Rejected
from .workers import run_tasks


@dataclass(frozen=True)
class PoolClip:
    """A clip that can be planned with: see CaptionedClip and ClipFacts."""

    video: str
    caption: str
    source: str
    seconds: float
    num_frames: int
    format: str
    audio: str | None


@dataclass(frozen=True)
class ProbeTask:
    clip: CaptionedClip
    video_root: str
    decode: str

    @property
    def path(self) -> Path:
        return Path(self.video_root, self.clip.video)


def probe_pool(
    clips: Iterable[CaptionedClip], video_root: Path, *, memory: Path, decode: str = "first", num_workers: int = 1
) -> tuple[list[PoolClip], list[Rejected]]:
    """Probe clips side by side; those that `memory` knows, from an earlier or a killed run, only if they changed.

    Args:
        memory: a file of JSON lines, one for each file probed, appended to as the work goes on.
        decode: "first" or "all": see `probe_clip`.

    Returns:
        usable clips and rejected ones, each in the order given.
    """
    tasks = [ProbeTask(clip, str(video_root), decode) for clip in clips]
    known = _read_memory(memory)
    stamps = [_stamp(task) for task in tasks]
    pending = [task for task, stamp in zip(tasks, stamps, strict=True) if stamp not in known]
    memory.parent.mkdir(parents=True, exist_ok=True)
    with memory.open("a", encoding="utf-8") as file:
        for result in run_tasks(_probe, pending, num_workers=num_workers, title="probing clips", unit="clip"):
            file.write(to_line(result))
            file.flush()
            known[result["stamp"]] = result
    return _sort_out([(task.clip, known[stamp]) for task, stamp in zip(tasks, stamps, strict=True)])


def write_pool(path: Path, clips: Iterable[PoolClip]) -> None:
    write_jsonl(path, map(asdict, clips))


def read_pool(path: Path) -> dict[str, PoolClip]:
    """The clips by their video.

    Raises:
        ValueError: a line that is no clip; the message names file and line.
    """
    clips = {}
    for number, record in read_records(path):
        try:
            clips[record["video"]] = PoolClip(**record)
        except (TypeError, KeyError) as error:
            raise ValueError(f"{path}, line {number} is no clip of a pool: {error}.") from error
    return clips


def _probe(task: ProbeTask) -> dict[str, Any]:
    stamp = _stamp(task)
    try:
        return {"stamp": stamp, "facts": probe_clip(task.path, decode=task.decode).to_dict()}
    except BadClipError as error:
        return {"stamp": stamp, "reason": str(error)}


def _stamp(task: ProbeTask) -> str:
    """What a result is remembered by: the file, its size and its time of change. A missing file has none of these."""
    try:
        status = os.stat(task.path)
        state = [status.st_size, status.st_mtime_ns]
    except OSError:
        state = None
    return sha256_of([task.clip.video, state, task.decode])[:20]


def _read_memory(memory: Path) -> dict[str, dict[str, Any]]:
    """A killed run may have left half a line at the end; it is cut off, so that new lines start cleanly."""
    if not memory.exists():
        return {}
    data = memory.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        os.truncate(memory, len(whole))
    return {record["stamp"]: record for _, record in read_records(memory)} if whole else {}


def _sort_out(results: list[tuple[CaptionedClip, dict[str, Any]]]) -> tuple[list[PoolClip], list[Rejected]]:
    usable, rejected = [], []
    for clip, result in results:
        if "reason" in result:
            rejected.append(Rejected(clip.video, result["reason"]))
        else:
            usable.append(PoolClip(**asdict(clip), **result["facts"]))
    return usable, rejected
