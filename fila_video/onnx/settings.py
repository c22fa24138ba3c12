"""What the runner has to know besides the ONNX files: `settings.json` and `first_centers.npz`."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fila_video.common.files import write_json, written_whole


SETTINGS_FILE = "settings.json"
FIRST_CENTERS_FILE = "first_centers.npz"
TOKENIZER_FILE = "tokenizer.json"


@dataclass(frozen=True)
class Settings:
    """
    Args:
        frame_size: (height, width) in pixels that the vision tower takes.
        num_frames: Number of frames sampled from a video.
        frames_per_chunk: Number of frames that go through the vision tower at once.
        num_scenes: Number of scenes; `None` keeps every frame.
        scene_size: Number of frames in a scene.
        selection: `"kmeans"`, `"uniform"` or `"bsm"`.
        supplement: `"similar"` or `"dissimilar"`.
        kmeans_init: `"random"` or `"kmeans++"`.
        kmeans_max_iterations: Maximum number of Lloyd steps.
        kmeans_tolerance: The Lloyd steps end when no center moves farther than this.
        timestamps: How a prompt states times if a call does not say; see `FilaVideoProcessor`.
        prompt: The text before the video, between video and question, and after the question.
        video_token: The placeholder of a visual token.
        end_token_ids: Tokens that end an answer.
        suppressed_token_ids: Tokens that are never part of an answer.
        max_new_tokens: Longest answer in tokens.
    """

    frame_size: tuple[int, int]
    num_frames: int
    frames_per_chunk: int
    num_scenes: int | None
    scene_size: int
    selection: str
    supplement: str
    kmeans_init: str
    kmeans_max_iterations: int
    kmeans_tolerance: float
    timestamps: str
    prompt: tuple[str, str, str]
    video_token: str
    end_token_ids: tuple[int, ...]
    suppressed_token_ids: tuple[int, ...]
    max_new_tokens: int


def write_settings(folder: Path, settings: Settings, first_centers: dict[int, np.ndarray]) -> None:
    """
    Args:
        folder: Folder of the ONNX files.
        settings: What to write.
        first_centers: For each number of frames that is clustered, the random numbers that draw the first centers.
    """
    write_json(folder / SETTINGS_FILE, asdict(settings))
    with written_whole(folder / FIRST_CENTERS_FILE) as part, part.open("wb") as file:
        arrays: dict[str, Any] = {str(num_frames): numbers for num_frames, numbers in first_centers.items()}
        np.savez(file, **arrays)


def read_settings(folder: Path) -> Settings:
    """
    Raises:
        FileNotFoundError: If the folder has no settings.
        ValueError: If the settings are not those of this version.
    """
    path = folder / SETTINGS_FILE
    if not path.is_file():
        raise FileNotFoundError(f"{folder} has no {path.name}: write it with `python -m fila_video.onnx export`.")
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Settings(**{name: _as_tuple(value) for name, value in values.items()})
    except (TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} was not written by this version of fila_video.onnx: {error}.") from error


def read_first_centers(folder: Path, num_frames: int) -> np.ndarray:
    """
    Returns:
        What `draw_random_numbers` drew for this number of frames.

    Raises:
        ValueError: If the export has no numbers for it.
    """
    with np.load(folder / FIRST_CENTERS_FILE) as numbers:
        if str(num_frames) not in numbers:
            largest = max(map(int, numbers), default=0)
            raise ValueError(f"This export can select scenes of at most {largest} frames, not of {num_frames}.")
        return numbers[str(num_frames)]


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
