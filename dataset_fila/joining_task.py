"""One long video, from its line in the plan to a checked file and a record of what is in it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from processing_fila.frame_sampling import sample_frame_indices
from processing_fila.video_reader import VideoReader

from .check import ScenePlaceError, check_video
from .files import sha256_of, write_json, written_whole
from .join import BadClipAtError, ClipToJoin, join_clips
from .plan import PlannedVideo
from .pool import PoolClip
from .probe import TRANSCODE, BadClipError
from .timeline import Scene
from .transcode import VERSION, CommonFormat, transcode_cached


@dataclass(frozen=True)
class JoinOptions:
    """
    Args:
        video_root: where the clips are.
        output: the dataset's folder.
        common: format of clips that have to be transcoded; `common.has_audio` keeps the sound in all videos.
        prompt_frames: frames that the sentence in the user's turn speaks of; None leaves the sentence out.
        min_seconds: a video that gets shorter than this by replacing clips gets more candidates at its end.
    """

    video_root: Path
    output: Path
    common: CommonFormat = CommonFormat()
    prompt_frames: int | None = 96
    min_seconds: float = 300.0

    @property
    def cache(self) -> Path:
        return self.output / "cache"


@dataclass(frozen=True)
class JoiningTask:
    """A long video with all that is known of its clips and candidates: what a worker needs, and no more."""

    id: str
    clips: tuple[PoolClip, ...]
    candidates: tuple[PoolClip, ...]
    options: JoinOptions

    @property
    def video(self) -> str:
        """The path of the long video below the dataset's folder."""
        return f"videos/{self.id}.mp4"

    @property
    def record_path(self) -> Path:
        return self.options.output / "records" / f"{self.id}.json"

    @property
    def fingerprint(self) -> str:
        """Changes with anything that changes the result; not with the place of the folders."""
        common, frames = asdict(self.options.common), self.options.prompt_frames
        clips, candidates = ([asdict(clip) for clip in part] for part in (self.clips, self.candidates))
        return sha256_of([VERSION, self.id, clips, candidates, common, frames, self.options.min_seconds])


def make_task(planned: PlannedVideo, pool: dict[str, PoolClip], options: JoinOptions) -> JoiningTask:
    """
    Raises:
        ValueError: the plan names a clip that is not in the pool.
    """
    missing = [clip for clip in (*planned.clips, *planned.candidates) if clip not in pool]
    if missing:
        raise ValueError(f"{planned.id} of the plan names {missing[0]!r}, which is not in the pool.")
    clips, candidates = (tuple(pool[clip] for clip in part) for part in (planned.clips, planned.candidates))
    return JoiningTask(planned.id, clips, candidates, options)


class Lineup:
    """The clips of a long video while bad ones are being replaced; `replaced` tells what happened."""

    def __init__(self, task: JoiningTask):
        self.clips = list(task.clips)
        self.replaced: list[dict[str, str | None]] = []
        self._candidates = list(task.candidates)
        self._min_seconds = task.options.min_seconds

    def replace(self, place: int, reason: str) -> None:
        """Put the next candidate in the place of a bad clip, and further ones at the end if the video gets too short.

        Raises:
            BadClipError: no candidate is left.
        """
        bad = self.clips[place]
        self.clips[place] = self._next(f"clip {bad.video}: {reason}")
        self.replaced.append({"clip": bad.video, "reason": reason, "replacement": self.clips[place].video})
        while sum(clip.seconds for clip in self.clips) < self._min_seconds:
            self.clips.append(self._next(f"without clip {bad.video} ({reason}) it is too short"))
            self.replaced.append({"clip": None, "reason": "too short", "replacement": self.clips[-1].video})

    def _next(self, reason: str) -> PoolClip:
        if not self._candidates:
            raise BadClipError(f"{reason}, and no candidate is left")
        return self._candidates.pop(0)


def join_task(task: JoiningTask) -> dict[str, Any]:
    """Make a long video and its record, the record last: where it is, the video is whole and checked.

    Returns:
        the record, or for a video that could not be made `id`, `failed` (the reason) and `replaced`.

    Raises:
        DiskFullError: no room; no clip is to blame.
    """
    lineup = Lineup(task)
    while True:
        try:
            record = _attempt_or_replace(task, lineup)
        except BadClipError as error:
            return {"id": task.id, "failed": str(error), "replaced": lineup.replaced}
        if record is not None:
            write_json(task.record_path, record)
            return record


def _attempt_or_replace(task: JoiningTask, lineup: Lineup) -> dict[str, Any] | None:
    """The record, or None after a bad clip was replaced."""
    try:
        return _attempt(task, lineup)
    except BadClipAtError as bad:
        lineup.replace(bad.place, str(bad))
        return None


def _attempt(task: JoiningTask, lineup: Lineup) -> dict[str, Any]:
    options = task.options
    final = options.output / task.video
    files, is_transcoded = _files_that_agree(lineup.clips, options)
    clips = [ClipToJoin(file, clip.seconds) for file, clip in zip(files, lineup.clips, strict=True)]
    with written_whole(final) as part:
        edges = join_clips(clips, part, keep_audio=options.common.has_audio)
        try:
            check_video(part, edges[:-1], sum(clip.seconds for clip in lineup.clips))
        except ScenePlaceError as error:
            if error.place is None:
                raise BadClipError(f"the joined video {error}") from error
            raise BadClipAtError(error.place, str(error)) from error
        facts = _facts(part, options.prompt_frames)
    return {
        "id": task.id,
        "video": task.video,
        "fingerprint": task.fingerprint,
        **facts,
        "is_transcoded": is_transcoded,
        "scenes": [scene.to_dict() for scene in _scenes(lineup.clips, edges)],
        "replaced": lineup.replaced,
    }


def _files_that_agree(clips: Sequence[PoolClip], options: JoinOptions) -> tuple[list[Path], bool]:
    """Files of one format: the clips themselves if they agree, else all of them in the common format."""
    has_audio = options.common.has_audio
    formats = {(clip.format, clip.audio if has_audio else None) for clip in clips}
    (video, audio), *others = formats
    paths = [options.video_root / clip.video for clip in clips]
    lacks_audio = has_audio and (audio is None or audio.startswith(TRANSCODE))
    if not others and not video.startswith(TRANSCODE) and not lacks_audio:
        return paths, False
    return [_transcoded(place, path, options) for place, path in enumerate(paths)], True


def _transcoded(place: int, path: Path, options: JoinOptions) -> Path:
    try:
        return transcode_cached(path, options.cache, options.common)
    except BadClipError as error:
        raise BadClipAtError(place, str(error)) from error


def _facts(path: Path, prompt_frames: int | None) -> dict[str, Any]:
    """What the annotation says of the video as a whole, read from the finished file as training will read it."""
    with VideoReader(path) as reader:
        facts = {
            "bytes": path.stat().st_size,
            "duration": reader.duration_seconds,
            "num_frames": reader.num_frames,
            "sampled_seconds": None,
        }
        if prompt_frames is not None:
            times = reader.frame_seconds
            sampled = sample_frame_indices(times, num_frames=prompt_frames, duration_seconds=reader.duration_seconds)
            facts["sampled_seconds"] = times[sampled].tolist()
        return facts


def _scenes(clips: Sequence[PoolClip], edges: Sequence[float]) -> list[Scene]:
    return [
        Scene(start, end, clip.caption, clip.video, clip.source)
        for clip, start, end in zip(clips, edges, edges[1:], strict=False)
    ]
