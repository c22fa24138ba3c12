"""The pool: all clips that can be used in a plan. It is kept in a file, so that each clip is probed only once."""

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fila_video.common.files import is_seconds, read_records, sha256_of, to_line, write_jsonl
from fila_video.common.workers import run_tasks

from .open_clip import BadClipError, clip_path
from .probe import probe_clip
from .read_captions import CaptionedClip, Rejected


@dataclass(frozen=True)
class PoolClip:
    """A clip that can be used in a plan. See `CaptionedClip` and `ClipFacts` for the fields."""

    video: str
    caption: str
    source: str
    seconds: float
    num_frames: int
    format: str
    audio: str | None


@dataclass(frozen=True)
class ProbeTask:
    """A clip to probe, as it is sent to a worker."""

    clip: CaptionedClip
    video_root: str
    decode: str

    @property
    def path(self) -> Path:
        """Path of the clip. Raises `BadClipError` if it leads out of the video root."""
        return clip_path(self.video_root, self.clip.video)


def probe_pool(
    clips: Iterable[CaptionedClip], video_root: Path, *, memory: Path, decode: str = "first", num_workers: int = 1
) -> tuple[list[PoolClip], list[Rejected]]:
    """Probes clips in parallel. A clip that an earlier run probed is probed again only if its file changed.

    Args:
        clips: The clips.
        video_root: Folder that the paths of the clips start from.
        memory: File of JSON lines that remembers the results. Each result is appended as soon as it is known, so that
            a killed run loses nothing.
        decode: "first" or "all": see `probe_clip`.
        num_workers: Number of processes.

    Returns:
        The usable clips and the rejected ones, both in the order of `clips`.
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
    """Writes one clip per line."""
    write_jsonl(path, map(asdict, clips))


def read_pool(path: Path) -> dict[str, PoolClip]:
    """Reads the clips of a pool, by their `video`.

    Raises:
        ValueError: If a line is not a clip. The message names the file and the line.
    """
    clips = {}
    for number, record in read_records(path):
        try:
            clips[record["video"]] = _pool_clip(record)
        except (TypeError, KeyError, ValueError) as error:
            raise ValueError(f"{path}, line {number} is not a clip of a pool: {error}.") from error
    return clips


def _pool_clip(record: dict[str, Any]) -> PoolClip:
    clip = PoolClip(**record)
    texts = [clip.video, clip.caption, clip.source, clip.format, *([] if clip.audio is None else [clip.audio])]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a text is missing")
    if not is_seconds(clip.seconds) or clip.seconds == 0:
        raise ValueError(f"seconds={clip.seconds!r} is not a positive number")
    return clip


def _probe(task: ProbeTask) -> dict[str, Any]:
    stamp = _stamp(task)
    try:
        return {"stamp": stamp, "facts": probe_clip(task.path, decode=task.decode).to_dict()}
    except BadClipError as error:
        return {"stamp": stamp, "reason": str(error)}


def _stamp(task: ProbeTask) -> str:
    """Returns the key of a result: it changes with the path, the size and the modification time of the file.

    A missing file has no size and no time.
    """
    state: list[int] | None
    try:
        status = os.stat(task.path)
        state = [status.st_size, status.st_mtime_ns]
    except (OSError, BadClipError):
        state = None
    return sha256_of([task.clip.video, state, task.decode])[:20]


def _read_memory(memory: Path) -> dict[str, dict[str, Any]]:
    """Reads the results of earlier runs. Cuts off an incomplete last line, which a killed run may have left."""
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
