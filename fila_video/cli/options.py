"""The options that several commands share. Their names are those of the config and of `generate`."""

import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, is_dataclass
from functools import wraps
from typing import Annotated, Any, Literal

import typer

from .requests import TRACK, check_exists
from .usage import BadUsage


MODEL = "Model"
FRAMES = "Frames and scenes"
SUBTITLES = "Subtitles"
ANSWER = "Answer"

ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME",
        rich_help_panel=MODEL,
        help="Folder or Hub id of a FiLA-Video model; or of a LLaVA-OneVision or LLaVA-Video model, which is converted "
        "once and kept. Default: the small model of this package, which knows drawn shapes only.",
    ),
]
Revision = Annotated[
    str | None,
    typer.Option(metavar="NAME", rich_help_panel=MODEL, help="Branch, tag or commit of the model on the Hub."),
]
Yes = Annotated[
    bool,
    typer.Option(
        "--yes", "-y", metavar="", rich_help_panel=MODEL, help="Download and convert the model without asking first."
    ),
]
Device = Annotated[
    str,
    typer.Option(
        metavar="DEVICE",
        rich_help_panel=MODEL,
        help="Where the model runs: cpu, cuda, cuda:1, mps; or auto, which takes the GPUs if there are any.",
    ),
]
DtypeName = Annotated[
    Literal["auto", "float32", "bfloat16", "float16"],
    typer.Option(
        metavar="DTYPE",
        rich_help_panel=MODEL,
        help="Number format of the weights: float32, bfloat16, float16; or auto, which is that of the model's file.",
    ),
]
Quantization = Annotated[
    Literal["int8", "int4"] | None,
    typer.Option(
        metavar="BITS",
        rich_help_panel=MODEL,
        help="Keep the weights of the language model in 8 or 4 bits, which saves memory: int8 or int4. It needs "
        "pip install 'fila-video\\[quantize]'.",
    ),
]
NumFrames = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        rich_help_panel=FRAMES,
        help="Number of frames sampled evenly from the video. Default: the model's own, usually 96.",
    ),
]
Fps = Annotated[
    float | None,
    typer.Option(
        metavar="RATE",
        rich_help_panel=FRAMES,
        help="Frames sampled per second of video, instead of a number of frames.",
    ),
]
StartSeconds = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", rich_help_panel=FRAMES, help="Look at the video from this time on, not from its start."
    ),
]
EndSeconds = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", rich_help_panel=FRAMES, help="Look at the video up to this time, not to its end."),
]
NumScenes = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        rich_help_panel=FRAMES,
        help="Number of scenes that the model selects from the frames. Default: the model's own, usually 32.",
    ),
]
SceneSelection = Annotated[
    Literal["kmeans", "uniform", "bsm"] | None,
    typer.Option(
        metavar="METHOD",
        rich_help_panel=FRAMES,
        help="How scenes are selected: by clusters of similar frames (kmeans), at even distances (uniform), or by "
        "pairs of similar frames (bsm). Default: the model's own.",
    ),
]
SceneSupplement = Annotated[
    Literal["similar", "dissimilar"] | None,
    typer.Option(
        metavar="FRAMES",
        rich_help_panel=FRAMES,
        help="Which frames join the main frame of a scene: those most (similar) or least (dissimilar) like it. "
        "Default: the model's own.",
    ),
]
SelectionLayer = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        rich_help_panel=FRAMES,
        help="Select scenes after the first N layers of the vision tower, and send only their frames through the rest: "
        "faster, with other scenes. Default: the model's own, usually all layers.",
    ),
]
SceneMerging = Annotated[
    Literal["weighted", "average", "attention", "bsm", "none"] | None,
    typer.Option(
        metavar="METHOD",
        rich_help_panel=FRAMES,
        help="How the frames of a scene become one: average or bsm (the most similar patches first), which any model "
        "can use; weighted, attention or none, if the model was made for it. Default: the model's own.",
    ),
]
Timestamps = Annotated[
    Literal["sampled", "selected", "interleaved", "none"] | None,
    typer.Option(
        metavar="TIMES",
        rich_help_panel=FRAMES,
        help="Which times the language model reads: those of all frames (sampled), those of the scenes in one sentence "
        "(selected) or each before its scene (interleaved), or none. Default: the model's own.",
    ),
]
Subtitles = Annotated[
    str | None,
    typer.Option(
        "--subtitles",
        metavar="FILE",
        rich_help_panel=SUBTITLES,
        help="Subtitles that the language model reads: an .srt, .vtt or .ass file or its URL; or the word track, for "
        "the text track of each video.",
    ),
]
SubtitleLines = Annotated[
    Literal["all", "frames", "scenes"] | None,
    typer.Option(
        metavar="LINES",
        rich_help_panel=SUBTITLES,
        help="Which subtitles: all lines from the first to the last frame (all, the default), those on the screen "
        "when a frame is shown (frames), or those within the scenes that the model selects (scenes).",
    ),
]
SubtitleLanguage = Annotated[
    str | None,
    typer.Option(
        metavar="CODE",
        rich_help_panel=SUBTITLES,
        help="Language of the text track, as the file states it, such as eng. Default: the file's default track.",
    ),
]
MaxSubtitleTokens = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        rich_help_panel=SUBTITLES,
        help="Largest number of tokens of the subtitles. Of longer ones, lines are left out evenly, with a warning. "
        "Default: 4096.",
    ),
]
MaxNewTokens = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        rich_help_panel=ANSWER,
        help="Longest answer, in tokens (about 4 letters each). Default: the model's own.",
    ),
]
Temperature = Annotated[
    float | None,
    typer.Option(
        metavar="T",
        rich_help_panel=ANSWER,
        help="Draw words at random: 0.2 changes little, 1 much. Default: always the most likely word.",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        metavar="N", rich_help_panel=ANSWER, help="Random seed for --temperature; the same seed gives the same answer."
    ),
]


@dataclass(frozen=True)
class ModelOptions:
    """Which model is loaded, and how."""

    model: ModelName = None
    revision: Revision = None
    yes: Yes = False
    device: Device = "auto"
    dtype: DtypeName = "auto"
    quantization: Quantization = None


@dataclass(frozen=True)
class VideoOptions:
    """Which frames and scenes the model sees."""

    num_frames: NumFrames = None
    fps: Fps = None
    start_seconds: StartSeconds = None
    end_seconds: EndSeconds = None
    num_scenes: NumScenes = None
    scene_selection: SceneSelection = None
    scene_supplement: SceneSupplement = None
    selection_layer: SelectionLayer = None
    scene_merging: SceneMerging = None
    timestamps: Timestamps = None

    def __post_init__(self) -> None:
        _check_at_least(1, num_frames=self.num_frames, num_scenes=self.num_scenes)
        _check_at_least(0, fps=self.fps, start_seconds=self.start_seconds, end_seconds=self.end_seconds)
        _check_at_least(0, selection_layer=self.selection_layer)
        if self.num_frames is not None and self.fps is not None:
            raise BadUsage(f"--num-frames {self.num_frames} and --fps {self.fps:g}: give only one of them.")
        if self.fps == 0:
            raise BadUsage("--fps 0 samples no frame: it must be more than 0.")
        if self.end_seconds is not None and not (self.start_seconds or 0) < self.end_seconds:
            raise BadUsage(
                f"--end-seconds {self.end_seconds:g} must be later than --start-seconds {self.start_seconds or 0:g}."
            )

    def given(self) -> dict[str, Any]:
        """The options that the user gave, as arguments of the pipeline. Loading the model changes the merging."""
        return {name: value for name, value in asdict(self).items() if name != "scene_merging" and value is not None}


@dataclass(frozen=True)
class SubtitleOptions:
    """Which subtitles the language model reads."""

    subtitles: Subtitles = None
    subtitle_lines: SubtitleLines = None
    subtitle_language: SubtitleLanguage = None
    max_subtitle_tokens: MaxSubtitleTokens = None

    def __post_init__(self) -> None:
        _check_at_least(1, max_subtitle_tokens=self.max_subtitle_tokens)

    @property
    def file(self) -> str | None:
        """The subtitle file or its URL; None for a text track and for no subtitles."""
        return None if self.subtitles == TRACK else self.subtitles

    def given(self) -> dict[str, Any]:
        """The options that the user gave, as arguments of the pipeline."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        return {**given, **({"subtitles": True} if self.subtitles == TRACK else {})}

    def check(self, *, some_have_their_own: bool = False) -> None:
        """Checks that the options are of use, and that the file exists.

        Args:
            some_have_their_own: Whether some videos have subtitles without these options.

        Raises:
            BadUsage: If options are given without subtitles.
            FileNotFoundError: If there is no such file.
        """
        for name, value in asdict(self).items():
            if value is not None and self.subtitles is None and not some_have_their_own:
                raise BadUsage(f"--{name.replace('_', '-')} {value} needs --subtitles.")
        if self.file is not None:
            check_exists(self.file)


@dataclass(frozen=True)
class AnswerOptions:
    """How answers are generated."""

    max_new_tokens: MaxNewTokens = None
    temperature: Temperature = None
    seed: Seed = None

    def __post_init__(self) -> None:
        _check_at_least(1, max_new_tokens=self.max_new_tokens)
        _check_at_least(0, temperature=self.temperature, seed=self.seed)

    def given(self) -> dict[str, Any]:
        """The options that the user gave, as arguments of `generate`."""
        options: dict[str, Any] = {} if self.max_new_tokens is None else {"max_new_tokens": self.max_new_tokens}
        if self.temperature:
            options |= {"do_sample": True, "temperature": self.temperature}
        return options


def _check_at_least(minimum: float, **values: float | None) -> None:
    for name, value in values.items():
        if value is not None and not minimum <= value < float("inf"):
            raise BadUsage(f"--{name.replace('_', '-')} {value:g} must be {minimum:g} or more.")


def with_shared_options(command: Callable[..., int | None]) -> Callable[..., int | None]:
    """Makes each field of a parameter that is a dataclass of options an option of its own."""
    signature = inspect.signature(command)
    groups: dict[str, Any] = {
        name: each.annotation for name, each in signature.parameters.items() if is_dataclass(each.annotation)
    }

    @wraps(command)
    def call(**values: Any) -> int | None:
        made = {
            name: group(**{field.name: values.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        return command(**values, **made)

    parameters = [each for each in signature.parameters.values() if each.name not in groups]
    parameters += [_parameter_of(field) for group in groups.values() for field in fields(group)]
    call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {each.name: each.annotation for each in parameters}
    return call


def _parameter_of(field: Any) -> inspect.Parameter:
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type)
