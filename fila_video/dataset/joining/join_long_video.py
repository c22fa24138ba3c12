"""Makes one long video: from its line in the plan to a checked file, and a record of what the file contains."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fila_video.common.files import sha256_of, write_json, written_whole
from processing_fila.frame_sampling import sample_frame_indices
from processing_fila.reader import VideoReader

from ..clips.open_clip import BadClipError, clip_path
from ..clips.pool import PoolClip
from ..clips.stream_format import TRANSCODE
from ..planning.plan import PlannedVideo
from ..scene import Scene
from .check_video import ScenePlaceError, check_video
from .join_clips import BadClipAtError, ClipToJoin, join_clips
from .replace_bad_clips import Lineup
from .transcode import VERSION, CommonFormat, transcode_cached


@dataclass(frozen=True)
class JoinOptions:
    """Options that all long videos of a dataset share.

    Args:
        video_root: Folder that the paths of the clips start from.
        output: Folder of the dataset.
        common: Format of clips that have to be transcoded. `common.has_audio` keeps the sound in all long videos.
        prompt_frames: Number of sampled frames that the sentence in the user's turn states; None for no sentence.
        min_seconds: If replacing clips makes a long video shorter than this, candidates are added at its end.
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
    """A long video, with everything that a worker needs to know about its clips and candidates."""

    id: str
    clips: tuple[PoolClip, ...]
    candidates: tuple[PoolClip, ...]
    options: JoinOptions

    @property
    def video(self) -> str:
        """Path of the long video below the folder of the dataset."""
        return f"videos/{self.id}.mp4"

    @property
    def record_path(self) -> Path:
        """File that describes the long video. It is written last."""
        return self.options.output / "records" / f"{self.id}.json"

    @property
    def fingerprint(self) -> str:
        """Hash of everything that determines the result. The locations of the folders are not part of it."""
        common, frames = asdict(self.options.common), self.options.prompt_frames
        clips, candidates = ([asdict(clip) for clip in part] for part in (self.clips, self.candidates))
        return sha256_of([VERSION, self.id, clips, candidates, common, frames, self.options.min_seconds])


def make_task(planned: PlannedVideo, pool: dict[str, PoolClip], options: JoinOptions) -> JoiningTask:
    """Looks up the clips of a planned video.

    Raises:
        ValueError: If the plan names a clip that is not in the pool.
    """
    missing = [clip for clip in (*planned.clips, *planned.candidates) if clip not in pool]
    if missing:
        raise ValueError(f"{planned.id} of the plan names {missing[0]!r}, which is not in the pool.")
    clips, candidates = (tuple(pool[clip] for clip in part) for part in (planned.clips, planned.candidates))
    return JoiningTask(planned.id, clips, candidates, options)


def join_long_video(task: JoiningTask) -> dict[str, Any]:
    """Makes a long video, and then its record. If the record exists, the video is complete and checked.

    Bad clips are replaced with candidates, and the video is made again.

    Returns:
        The record. For a video that could not be made: `id`, `failed` (the reason) and `replaced`.

    Raises:
        DiskFullError: If there is no space left. No clip is replaced because of that.
    """
    lineup = Lineup(task.clips, task.candidates, task.options.min_seconds)
    while True:
        try:
            record = _attempt_or_replace(task, lineup)
        except BadClipError as error:
            return {"id": task.id, "failed": str(error), "replaced": lineup.replaced}
        if record is not None:
            write_json(task.record_path, record)
            return record


def _attempt_or_replace(task: JoiningTask, lineup: Lineup) -> dict[str, Any] | None:
    """Returns the record, or None after replacing a bad clip."""
    try:
        return _attempt(task, lineup)
    except BadClipAtError as bad:
        lineup.replace(bad.place, str(bad))
        return None


def _attempt(task: JoiningTask, lineup: Lineup) -> dict[str, Any]:
    options = task.options
    final = options.output / task.video
    files, is_transcoded = _files_of_one_format(lineup.clips, options)
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


def _files_of_one_format(clips: Sequence[PoolClip], options: JoinOptions) -> tuple[list[Path], bool]:
    """Returns the clips themselves if they have the same format, else all of them in the common format.

    The second value tells whether they were transcoded.
    """
    has_audio = options.common.has_audio
    formats = {(clip.format, clip.audio if has_audio else None) for clip in clips}
    (video, audio), *others = formats
    paths = [_path_at(place, clip, options) for place, clip in enumerate(clips)]
    lacks_audio = has_audio and (audio is None or audio.startswith(TRANSCODE))
    if not others and not video.startswith(TRANSCODE) and not lacks_audio:
        return paths, False
    return [_transcoded(place, path, options) for place, path in enumerate(paths)], True


def _path_at(place: int, clip: PoolClip, options: JoinOptions) -> Path:
    try:
        return clip_path(options.video_root, clip.video)
    except BadClipError as error:
        raise BadClipAtError(place, str(error)) from error


def _transcoded(place: int, path: Path, options: JoinOptions) -> Path:
    try:
        return transcode_cached(path, options.cache, options.common)
    except BadClipError as error:
        raise BadClipAtError(place, str(error)) from error


def _facts(path: Path, prompt_frames: int | None) -> dict[str, Any]:
    """Reads what the annotation says about the video as a whole, from the finished file, as training will read it."""
    with VideoReader(path) as reader:
        sampled_seconds = None
        if prompt_frames is not None:
            times = reader.frame_seconds
            sampled = sample_frame_indices(times, num_frames=prompt_frames, duration_seconds=reader.duration_seconds)
            sampled_seconds = times[sampled].tolist()
        return {
            "bytes": path.stat().st_size,
            "duration": reader.duration_seconds,
            "num_frames": reader.num_frames,
            "sampled_seconds": sampled_seconds,
        }


def _scenes(clips: Sequence[PoolClip], edges: Sequence[float]) -> list[Scene]:
    return [
        Scene(start, end, clip.caption, clip.video, clip.source)
        for clip, start, end in zip(clips, edges, edges[1:], strict=False)
    ]
