"""Draws which clips make up which long video (section 3.3). The plan is written to a file before anything is joined."""

import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fila_video.common.files import is_seconds, read_records, write_jsonl

from ..clips.pool import PoolClip
from ..clips.stream_format import TRANSCODE
from .deck import Deck
from .durations import DurationDistribution


FORMAT, VERSION = "fila-plan", 1
SOURCES = ("mixed", "same")
FORMATS = ("any", "same")
DURATIONS = ("min_seconds", "max_seconds", "mean_seconds")
# The id of a long video is the name of its files: no separator of any system, no drive, not hidden.
FILE_NAME = re.compile(r"[^./\\:\0][^/\\:\0]{0,199}")
# Each long video gets this share of its number of clips as candidates that replace bad clips, but at least this many.
CANDIDATE_SHARE, MIN_CANDIDATES = 0.1, 4


@dataclass(frozen=True)
class PlanOptions:
    """Options of a plan.

    Args:
        num_videos: Number of long videos to plan.
        seed: The same seed and the same pool give the same plan. The first videos do not depend on `num_videos`.
        durations: Distribution of the target durations.
        sources: "mixed" allows clips of any source in one long video; "same" keeps to one source per video.
        formats: "any" allows clips of any format, which are transcoded where they differ; "same" keeps to one format
            per video, so that every long video is joined without re-encoding.

    Raises:
        ValueError: If `num_videos` is not positive, or `sources` or `formats` is unknown.
    """

    num_videos: int
    seed: int = 0
    durations: DurationDistribution = DurationDistribution()
    sources: str = "mixed"
    formats: str = "any"

    def __post_init__(self) -> None:
        if self.num_videos <= 0:
            raise ValueError(f"num_videos must be positive, got {self.num_videos}.")
        for name, known in (("sources", SOURCES), ("formats", FORMATS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name}={getattr(self, name)!r} is unknown; choose one of {known}.")


@dataclass(frozen=True)
class PlannedVideo:
    """A long video of a plan.

    Args:
        id: Name of the long video.
        target_seconds: Duration that was drawn.
        planned_seconds: Duration of the chosen clips.
        clips: The clips in order, by their `video`.
        candidates: Clips that replace bad ones, the first candidate first, by their `video`.
    """

    id: str
    target_seconds: float
    planned_seconds: float
    clips: tuple[str, ...]
    candidates: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """A plan: `header` has the format, the version, the options and a hash of the pool; `videos` the long videos."""

    header: dict[str, Any]
    videos: list[PlannedVideo]


def make_plan(pool: Iterable[PoolClip], options: PlanOptions, pool_sha256: str = "") -> Plan:
    """Draws a plan. A clip appears at most once in a long video, and all clips are used about equally often.

    Args:
        pool: Clips to choose from.
        options: Options of the plan.
        pool_sha256: Hash of the file of the pool, for the header.

    Raises:
        ValueError: If no group of clips (of one source or format) is as long as the longest duration. The message has
            the numbers.
    """
    decks = _make_decks(pool, options)
    generator = random.Random(f"fila-plan {options.seed}")
    videos = [_plan_video(f"long-{number:06d}", decks, options, generator) for number in range(options.num_videos)]
    header = {"format": FORMAT, "version": VERSION, **asdict(options), "pool_sha256": pool_sha256}
    return Plan(header, videos)


def write_plan(path: Path, plan: Plan) -> None:
    """Writes a plan as JSON lines: the header, then one line for each long video."""
    write_jsonl(path, [plan.header, *map(asdict, plan.videos)])


def read_plan(path: Path) -> Plan:
    """Reads a plan that `write_plan` wrote, and that may have been edited since.

    Raises:
        ValueError: If the file is not a plan, or a plan of another version. The message names the file and the line.
        OSError: If the file cannot be read.
    """
    records = read_records(path)
    header: dict[str, Any]
    _, header = next(records, (0, {}))
    if (header.get("format"), header.get("version")) != (FORMAT, VERSION):
        raise ValueError(
            f"{path} does not start with the header of a plan ({FORMAT}, version {VERSION}): {str(header)[:200]}."
        )
    _check_header(header, path)
    videos = [_planned_video(record, f"{path}, line {number}") for number, record in records]
    repeated = sorted(name for name, count in Counter(video.id for video in videos).items() if count > 1)
    if repeated:
        raise ValueError(f"{path} has several long videos with the id {repeated[0]!r}.")
    return Plan(header, videos)


def _check_header(header: dict[str, Any], path: Path) -> None:
    durations = header.get("durations")
    lengths = [durations.get(name) for name in DURATIONS] if isinstance(durations, dict) else [None]
    texts = [header.get(name) for name in ("pool_sha256", "sources", "formats")]
    numbers = [header.get(name) for name in ("seed", "num_videos")]
    is_good = all(map(is_seconds, lengths)) and all(isinstance(text, str) for text in texts)
    if not is_good or not all(isinstance(number, int) for number in numbers):
        raise ValueError(f"{path} has a header with missing or wrong values: {str(header)[:300]}.")


def _planned_video(record: dict[str, Any], place: str) -> PlannedVideo:
    try:
        video = PlannedVideo(**{**record, "clips": tuple(record["clips"]), "candidates": tuple(record["candidates"])})
    except (TypeError, KeyError) as error:
        raise ValueError(f"{place} is not a long video of a plan: {error}.") from error
    named = (*video.clips, *video.candidates)
    if not isinstance(video.id, str) or not FILE_NAME.fullmatch(video.id):
        raise ValueError(f"{place}: the id {str(video.id)[:80]!r} cannot be the name of a file in the dataset.")
    if not video.clips or not all(isinstance(clip, str) for clip in named):
        raise ValueError(f"{place}: {video.id} must name at least one clip, and all of them by their paths.")
    if len(set(named)) < len(named):
        repeated = sorted({clip for clip in named if named.count(clip) > 1})
        raise ValueError(f"{place}: {video.id} names a clip twice: {repeated}.")
    return video


def _make_decks(pool: Iterable[PoolClip], options: PlanOptions) -> list[Deck]:
    """Groups the clips that may share a long video. Groups that are too short for a long video are left out."""
    groups: dict[tuple[str, str], list[PoolClip]] = defaultdict(list)
    for clip in pool:
        is_remuxable = not clip.format.startswith(TRANSCODE)
        if options.formats == "any" or is_remuxable:
            source = clip.source if options.sources == "same" else ""
            groups[source, clip.format if options.formats == "same" else ""].append(clip)
    longest = options.durations.max_seconds
    decks = [deck for deck in map(Deck, groups.values()) if deck.seconds >= longest]
    if not decks:
        totals = ", ".join(
            f"{Deck(clips).seconds:.1f} s in total{f' ({name})' if (name := ' '.join(filter(None, key))) else ''}"
            for key, clips in groups.items()
        )
        raise ValueError(
            f"A long video lasts up to {longest} s and uses each clip once, but the clips to choose from last only "
            f"{totals or '0 s'} (sources={options.sources!r}, formats={options.formats!r}). Give more clips, or lower "
            "the longest duration."
        )
    return decks


def _plan_video(name: str, decks: list[Deck], options: PlanOptions, generator: random.Random) -> PlannedVideo:
    deck = generator.choices(decks, [deck.seconds for deck in decks])[0]
    target = options.durations.draw(generator)
    clips = list(_draw_clips(deck, target, options.durations.max_seconds, generator))
    names = [clip.video for clip in clips]
    count = max(MIN_CANDIDATES, math.ceil(CANDIDATE_SHARE * len(clips)))
    candidates = deck.peek(count, set(names), generator)
    return PlannedVideo(
        id=name,
        target_seconds=round(target, 3),
        planned_seconds=round(math.fsum(clip.seconds for clip in clips), 6),
        clips=tuple(names),
        candidates=tuple(clip.video for clip in candidates),
    )


def _draw_clips(deck: Deck, target: float, longest: float, generator: random.Random) -> Iterator[PoolClip]:
    """Deals clips until the target is reached. No clip makes the video longer than the longest duration."""
    total = 0.0
    used: set[str] = set()
    while total < target and (clip := deck.deal(used, longest - total, generator)) is not None:
        yield clip
        total += clip.seconds
        used.add(clip.video)
