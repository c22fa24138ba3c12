"""Which clips make which long video (section 3.3): drawn with a seed, written down, and only then joined."""

import math
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .durations import DurationDistribution
from .files import read_records, write_jsonl
from .pool import PoolClip


FORMAT, VERSION = "fila-plan", 1
SOURCES = ("mixed", "same")
FORMATS = ("any", "same")
MIN_CANDIDATES, CANDIDATE_SHARE = 4, 0.1


@dataclass(frozen=True)
class PlanOptions:
    """
    Args:
        num_videos: long videos to plan.
        seed: same seed and same pool, same plan. The first videos do not depend on how many are planned.
        durations: what target durations are drawn from.
        sources: "mixed": clips of any source in one long video; "same": of one source.
        formats: "any": clips of any format, which are transcoded where they do not agree; "same": of one format, so
            that every long video is joined without re-encoding.
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
    """A long video: its clips in order, and what replaces a bad one, the first candidate first. All by `video`."""

    id: str
    target_seconds: float
    planned_seconds: float
    clips: tuple[str, ...]
    candidates: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """`header`: format, version, options and a hash of the pool. `videos`: one for each long video."""

    header: dict[str, Any]
    videos: list[PlannedVideo]


def make_plan(pool: Iterable[PoolClip], options: PlanOptions, pool_sha256: str = "") -> Plan:
    """Draw a plan. Each clip is at most once in a long video, and all clips are used about equally often.

    Raises:
        ValueError: the clips of no group (source, format) reach the longest duration; the message has the numbers.
    """
    decks = _make_decks(pool, options)
    generator = random.Random(f"fila-plan {options.seed}")
    videos = [_plan_video(f"long-{number:06d}", decks, options, generator) for number in range(options.num_videos)]
    header = {"format": FORMAT, "version": VERSION, **asdict(options), "pool_sha256": pool_sha256}
    return Plan(header, videos)


def write_plan(path: Path, plan: Plan) -> None:
    """JSON lines: the header, then one line for each long video."""
    write_jsonl(path, [plan.header, *map(asdict, plan.videos)])


def read_plan(path: Path) -> Plan:
    """
    Raises:
        ValueError: no plan, or of another version; the message names the file and the line.
        OSError: no such file.
    """
    records = read_records(path)
    _, header = next(records, (0, {}))
    if (header.get("format"), header.get("version")) != (FORMAT, VERSION):
        raise ValueError(f"{path} does not start with the header of a plan ({FORMAT}, version {VERSION}): {header}.")
    return Plan(header, [_planned_video(record, f"{path}, line {number}") for number, record in records])


def _planned_video(record: dict[str, Any], place: str) -> PlannedVideo:
    try:
        video = PlannedVideo(**{**record, "clips": tuple(record["clips"]), "candidates": tuple(record["candidates"])})
    except (TypeError, KeyError) as error:
        raise ValueError(f"{place} is no long video of a plan: {error}.") from error
    named = (*video.clips, *video.candidates)
    if len(set(named)) < len(named):
        raise ValueError(
            f"{place}: {video.id} names a clip twice: {sorted({clip for clip in named if named.count(clip) > 1})}."
        )
    return video


class Deck:
    """Clips of one group in an order of chance. They are dealt in turn and shuffled again after each round."""

    def __init__(self, clips: list[PoolClip]):
        self.seconds = sum(clip.seconds for clip in clips)
        self._clips = clips
        self._queue: list[PoolClip] = []

    def deal(self, excluded: set[str], max_seconds: float, generator: random.Random) -> PoolClip | None:
        """The next clip that is not excluded and not too long; None if there is none in the whole deck."""
        for place, clip in enumerate(self._queue):
            if clip.video not in excluded and clip.seconds <= max_seconds:
                return self._queue.pop(place)
        queued = {clip.video for clip in self._queue}
        fresh = [clip for clip in self._clips if clip.video not in queued]
        if not any(clip.video not in excluded and clip.seconds <= max_seconds for clip in fresh):
            return None
        generator.shuffle(fresh)
        self._queue += fresh
        return self.deal(excluded, max_seconds, generator)

    def peek(self, count: int, excluded: set[str], generator: random.Random) -> list[PoolClip]:
        """The next clips, which stay in the deck."""
        taken: list[PoolClip] = []
        names = set(excluded)
        while len(taken) < count and (clip := self.deal(names, math.inf, generator)) is not None:
            taken.append(clip)
            names.add(clip.video)
        self._queue[:0] = taken
        return taken


def _make_decks(pool: Iterable[PoolClip], options: PlanOptions) -> list[Deck]:
    groups: dict[tuple[str, str], list[PoolClip]] = defaultdict(list)
    for clip in pool:
        is_remuxable = not clip.format.startswith("transcode: ")
        if options.formats == "any" or is_remuxable:
            source = clip.source if options.sources == "same" else ""
            groups[source, clip.format if options.formats == "same" else ""].append(clip)
    longest = options.durations.max_seconds
    decks = [deck for deck in map(Deck, groups.values()) if deck.seconds >= longest]
    if not decks:
        held = {
            " ".join(filter(None, key)) or "all clips": round(Deck(group).seconds, 1) for key, group in groups.items()
        }
        raise ValueError(
            f"A long video lasts up to {longest} s, and no clip may be in it twice, but the clips to choose from last "
            f"{held} s in all (sources={options.sources!r}, formats={options.formats!r})."
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
    """Clips until the target is reached, none of which leads beyond the longest duration."""
    total, used = 0.0, set()
    while total < target and (clip := deck.deal(used, longest - total, generator)) is not None:
        yield clip
        total += clip.seconds
        used.add(clip.video)
