"""What a stage is trained on: the `data` section of a stage's file."""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING


TEMPLATES = ("chat", "caption")
QUESTIONS = ("chat", "separate")
STOPPING = ("first_exhausted", "all_exhausted")
TIMESTAMPS = (None, "sampled", "selected", "interleaved", "none")
TOO_LONG = ("error", "drop")
GROUPINGS = ("modality_and_length", "modality", "random")


@dataclass
class SourceConfig:
    """One file of records in LLaVA's format."""

    # JSON or JSON lines; a path, or for streaming any URL that fsspec opens (hf://datasets/...).
    path: str = MISSING
    # The folder that the records' media paths start from; null: the file's own.
    media: str | None = None
    # In logs and errors; null: the file's name.
    name: str | None = None
    # Parts in the mixture: 40 and 1 mix two sources 40 to 1. All sources have one, or none.
    ratio: float | None = None
    # So many samples, drawn with `subset_seed`, or the first ones when streaming; null: all.
    max_samples: int | None = None
    # Frames of its videos, a number or a list as in `data.num_frames`; null: as `data` says.
    num_frames: Any = None


@dataclass
class DataConfig:
    """What is read, and how it becomes batches."""

    sources: list[SourceConfig] = field(default_factory=list)
    # A share of each source, drawn with `subset_seed`: the ablations train on a fifth. Null: all.
    share: float | None = None
    subset_seed: int = 42
    # Where sources have ratios: an epoch ends when the first of them is used up, or when all are.
    stopping: str = "first_exhausted"
    # Read while training instead of before, again and again; needs max_steps. Sources without ratios follow each other.
    streaming: bool = False
    # Streamed samples among which the next one is drawn.
    shuffle_buffer: int = 1000

    # chat: labels are the assistant's turns. caption: LLaVA's plain format, the media and then the caption alone.
    template: str = "chat"
    # chat: a question is asked after those before it. separate: each as if it were the first one about its media; they
    # share one row, and what they have in common is computed once.
    questions: str = "chat"
    # LLaVA's own variant: the markers of every turn are labels too.
    label_turn_markers: bool = False
    # Frames of a video; a list: one of them is drawn for each sample and epoch (when streaming, for each
    # sample). Null: the processor's own number.
    num_frames: Any = None
    # Frames per second instead, a number or a list, at most max_frames in all.
    fps: Any = None
    max_frames: int | None = None
    # Times in the prompt: sampled, selected, interleaved or none; null: as the processor does.
    timestamps: str | None = None
    # Tokens of a sample; null: no limit.
    max_length: int | None = None
    # A longer sample ends the run (error), or is left out and counted (drop). It is never cut.
    too_long: str = "error"
    # Unreadable samples that a process skips, with a warning for each, before the run ends.
    unreadable_limit: int = 100
    # What a batch is made of: one modality and like lengths, one modality, or anything.
    grouping: str = "modality_and_length"
    # Processes that read and decode, for each process that trains.
    workers: int = 4


def most_frames(data: DataConfig, default: int) -> int:
    """The most frames that a video may have; `default`: where neither its source nor `data` says how many."""
    numbers = [data.max_frames or default] if data.num_frames is None else data.num_frames
    of_sources = [numbers if source.num_frames is None else source.num_frames for source in data.sources]
    return max(
        number for given in of_sources or [numbers] for number in (given if isinstance(given, list) else [given])
    )


def check_data(data: DataConfig) -> None:
    """Raises a `ValueError` that names the value, for what cannot be trained on."""
    _check_choices(data)
    _check_numbers(data)
    _check_sources(data)


def _check_choices(data: DataConfig) -> None:
    for name, allowed in (
        ("template", TEMPLATES),
        ("questions", QUESTIONS),
        ("stopping", STOPPING),
        ("timestamps", TIMESTAMPS),
        ("too_long", TOO_LONG),
        ("grouping", GROUPINGS),
    ):
        if getattr(data, name) not in allowed:
            raise ValueError(f"data.{name}={getattr(data, name)!r} is unknown; choose one of {allowed}.")
    if data.num_frames is not None and data.fps is not None:
        raise ValueError(f"data.num_frames={data.num_frames} and data.fps={data.fps} are given: choose one.")
    if data.questions == "separate" and data.template == "caption":
        raise ValueError("data.questions='separate' and data.template='caption': captions follow no questions.")
    if data.share is not None and data.streaming:
        raise ValueError(f"data.share={data.share} needs all samples to draw from: give streamed sources max_samples.")


def _check_numbers(data: DataConfig) -> None:
    _check_numbers_above_0("data.num_frames", data.num_frames, int, "a whole number")
    _check_numbers_above_0("data.fps", data.fps, (int, float), "a number")
    for name, least in (
        ("max_frames", 1),
        ("max_length", 1),
        ("shuffle_buffer", 1),
        ("unreadable_limit", 0),
        ("workers", 0),
    ):
        number = getattr(data, name)
        if number is not None and number < least:
            raise ValueError(f"data.{name}={number} must be at least {least}.")
    if data.share is not None and not 0 < data.share <= 1:
        raise ValueError(f"data.share={data.share} must be in (0, 1].")


def _check_numbers_above_0(name: str, given: Any, kind: type | tuple[type, ...], words: str) -> None:
    numbers = given if isinstance(given, list) else [given]
    is_right = numbers and all(isinstance(number, kind) and number > 0 for number in numbers)
    if given is not None and not is_right:
        raise ValueError(f"{name}={given!r} must be {words} above 0, or a list of them.")


def _check_sources(data: DataConfig) -> None:
    if not data.sources:
        raise ValueError("data.sources is empty: there is nothing to train on.")
    ratios = [source.ratio for source in data.sources]
    if any(ratio is None for ratio in ratios) and any(ratio is not None for ratio in ratios):
        raise ValueError(f"data.sources: all of them have a ratio or none; the ratios are {ratios}.")
    if any(ratio is not None and ratio <= 0 for ratio in ratios):
        raise ValueError(f"data.sources: ratios must be positive, got {ratios}.")
    for number, source in enumerate(data.sources):
        _check_numbers_above_0(f"data.sources.{number}.num_frames", source.num_frames, int, "a whole number")
        if source.max_samples is not None and source.max_samples < 1:
            raise ValueError(f"data.sources: max_samples={source.max_samples} of {source.path} must be at least 1.")
