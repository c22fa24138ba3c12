"""The `data` section of a stage: what the stage trains on."""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from fila_video.common.cpus import num_cpus


TEMPLATES = ("chat", "caption")
QUESTIONS = ("chat", "separate")
STOPPING = ("first_exhausted", "all_exhausted")
TIMESTAMPS = (None, "sampled", "selected", "interleaved", "none")
TOO_LONG = ("error", "drop")
GROUPINGS = ("modality_and_length", "modality", "random")


@dataclass
class SourceConfig:
    """One file of records in LLaVA's format."""

    # JSON or JSON lines: a path or, when streaming, any URL that fsspec opens (hf://datasets/...).
    path: str = MISSING
    # Folder or URL of the media, which no path in a record may leave; null: the folder of the file.
    media: str | None = None
    # Name in logs and errors; null: the name of the file.
    name: str | None = None
    # Share in the mixture: 40 and 1 mix two sources 40 to 1. Either all sources have a ratio or none has.
    ratio: float | None = None
    # Number of samples to use, drawn with `subset_seed`; when streaming, the first ones. Null: all.
    max_samples: int | None = None
    # Number of frames of its videos, a number or a list as in `data.num_frames`; null: as `data` says.
    num_frames: Any = None


@dataclass
class DataConfig:
    """What is read, and how it is turned into batches."""

    sources: list[SourceConfig] = field(default_factory=list)
    # Share of each source to use, drawn with `subset_seed`; the ablations use a fifth. Null: all.
    share: float | None = None
    subset_seed: int = 42
    # For sources with ratios: an epoch ends when the first source is exhausted, or when all are.
    stopping: str = "first_exhausted"
    # Read the files while training, again and again; needs max_steps. Sources without ratios follow one another.
    streaming: bool = False
    # Number of streamed samples in memory, from which the next one is drawn.
    shuffle_buffer: int = 1000

    # chat: the labels are the assistant's turns. caption: LLaVA's plain format, the media and then only the caption.
    template: str = "chat"
    # chat: a question follows the questions before it. separate: each question is asked as if it were the first one
    # about its media. They share one row, and the part that they have in common is computed once (question_packing.py).
    questions: str = "chat"
    # Whether the markers of every turn are labels too, as in LLaVA's code.
    label_turn_markers: bool = False
    # Number of frames of a video. From a list, one number is drawn for each sample and epoch (when streaming, for each
    # sample). Null: the processor's own number.
    num_frames: Any = None
    # Frames per second instead of num_frames, a number or a list; at most max_frames in total.
    fps: Any = None
    max_frames: int | None = None
    # Times in the prompt: sampled, selected, interleaved or none; null: the processor's own setting.
    timestamps: str | None = None
    # Largest number of tokens of a sample; null: no limit.
    max_length: int | None = None
    # A longer sample ends the run (error), or is left out and counted (drop). It is never truncated.
    too_long: str = "error"
    # Largest share of samples that may be unreadable. They are skipped with a warning each; more of them end the run.
    unreadable_limit: float = 0.05
    # What the samples of a batch have in common: modality and similar length, modality, or nothing.
    grouping: str = "modality_and_length"
    # Number of processes that read and decode, for each process that trains; the default is no more than the CPUs.
    workers: int = field(default_factory=lambda: min(4, num_cpus()))


def most_frames(data: DataConfig, default: int) -> int:
    """
    Largest number of frames that a video may have.

    Args:
        data: The `data` section of a stage.
        default: Number of frames where neither the source nor `data` gives one.
    """
    numbers = [data.max_frames or default] if data.num_frames is None else data.num_frames
    of_sources = [numbers if source.num_frames is None else source.num_frames for source in data.sources]
    return max(
        number for given in of_sources or [numbers] for number in (given if isinstance(given, list) else [given])
    )


def check_data(data: DataConfig) -> None:
    """
    Checks the `data` section of a stage.

    Raises:
        ValueError: For a value that cannot be used; the message names the field and the value.
    """
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
        raise ValueError(f"data.num_frames={data.num_frames} and data.fps={data.fps} are both given; choose one.")
    if data.questions == "separate" and data.template == "caption":
        raise ValueError("data.questions='separate' and data.template='caption': captions have no questions.")
    if data.share is not None and data.streaming:
        raise ValueError(
            f"data.share={data.share} needs all samples to draw from; for streamed sources, give max_samples instead."
        )


def _check_numbers(data: DataConfig) -> None:
    check_numbers_above_0("data.num_frames", data.num_frames, int, "a whole number")
    check_numbers_above_0("data.fps", data.fps, (int, float), "a number")
    for name, least in (
        ("max_frames", 1),
        ("max_length", 1),
        ("shuffle_buffer", 1),
        ("workers", 0),
    ):
        number = getattr(data, name)
        if number is not None and number < least:
            raise ValueError(f"data.{name}={number} must be at least {least}.")
    if not 0 <= data.unreadable_limit < 1:
        raise ValueError(f"data.unreadable_limit={data.unreadable_limit:g} must be a share in [0, 1).")
    if data.share is not None and not 0 < data.share <= 1:
        raise ValueError(f"data.share={data.share} must be in (0, 1].")


def check_numbers_above_0(name: str, given: Any, kind: type | tuple[type, ...], words: str) -> None:
    """
    Checks a number, or each number of a list.

    Raises:
        ValueError: If one is not of this kind, or not above 0; the message has the name.
    """
    numbers: list[Any] = given if isinstance(given, list) else [given]
    is_right = numbers and all(isinstance(number, kind) for number in numbers) and min(numbers) > 0
    if given is not None and not is_right:
        raise ValueError(f"{name}={given!r} must be {words} above 0, or a list of such numbers.")


def _check_sources(data: DataConfig) -> None:
    if not data.sources:
        raise ValueError("data.sources is empty: there is nothing to train on.")
    ratios = [source.ratio for source in data.sources]
    if any(ratio is None for ratio in ratios) and any(ratio is not None for ratio in ratios):
        raise ValueError(f"data.sources: either all sources have a ratio or none has; the ratios are {ratios}.")
    if any(ratio is not None and ratio <= 0 for ratio in ratios):
        raise ValueError(f"data.sources: ratios must be positive; they are {ratios}.")
    for number, source in enumerate(data.sources):
        check_numbers_above_0(f"data.sources.{number}.num_frames", source.num_frames, int, "a whole number")
        if source.max_samples is not None and source.max_samples < 1:
            raise ValueError(f"data.sources: max_samples={source.max_samples} of {source.path} must be at least 1.")
