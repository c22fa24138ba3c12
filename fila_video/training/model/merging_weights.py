"""The merging weights W (eq. 7 and 8) of a checkpoint, and a picture of how far training has moved them.

K frames of a scene, P patches, D width of the vision tower. W starts as the mean, 1/K.
"""

import json
import math
from pathlib import Path

import matplotlib
import numpy as np
import torch
from matplotlib.figure import Figure
from safetensors import safe_open
from transformers.utils import SAFE_WEIGHTS_INDEX_NAME, SAFE_WEIGHTS_NAME

from fila_video.common.figures import NotebookFigure


WEIGHT_NAME = "model.scene_merging.weight"
# The quantiles between which 98 % of the single weights lie.
SHOWN_QUANTILES = (0.01, 0.99)


def read_merging_weight(checkpoint: str | Path) -> torch.Tensor | None:
    """
    Reads W, and no other weight, from a checkpoint's folder.

    Returns:
        W `(K, P, D)` in float32, or None if the checkpoint has no weighted merging.

    Raises:
        FileNotFoundError: If the folder has no weights.
    """
    folder = Path(checkpoint)
    index = folder / SAFE_WEIGHTS_INDEX_NAME
    file = SAFE_WEIGHTS_NAME
    if index.is_file():
        file = json.loads(index.read_text(encoding="utf-8"))["weight_map"].get(WEIGHT_NAME, file)
    if not (folder / file).is_file():
        if index.is_file():
            return None
        raise FileNotFoundError(f"{folder} holds no {SAFE_WEIGHTS_NAME}.")
    with safe_open(folder / file, framework="pt") as weights:
        return weights.get_tensor(WEIGHT_NAME).float() if WEIGHT_NAME in weights.keys() else None


def draw_merging_weights(weight: torch.Tensor, path: str | Path) -> None:
    """
    Writes the figure of `merging_weights_figure` to a file.

    Args:
        weight: W `(K, P, D)`; P is a square number.
        path: File to write; its suffix chooses the format.
    """
    with matplotlib.rc_context({"svg.hashsalt": "fila"}):
        merging_weights_figure(weight).savefig(path, dpi=120)


def merging_weights_figure(weight: torch.Tensor) -> Figure:
    """
    Draws how far W has moved from 1/K.

    For each frame position in a scene there is a map of the patches (the mean of W - 1/K over the channels, in percent
    of 1/K) and a histogram of the single weights.

    Args:
        weight: W `(K, P, D)`; P is a square number.
    """
    num_frames, num_patches, width = weight.shape
    moves = (weight.double() * num_frames - 1).mul(100).numpy()  # (K, P, D), percent of 1/K
    side = math.isqrt(num_patches)
    maps = moves.mean(2).reshape(num_frames, side, side)
    figure = NotebookFigure(figsize=(3 * num_frames + 0.8, 5.8), layout="constrained")
    grid = figure.subplots(2, num_frames, squeeze=False, height_ratios=(3, 2))
    _draw_maps(figure, grid[0], maps)
    for axes, frame_moves in zip(grid[1], moves, strict=True):
        _draw_spread(axes, frame_moves.ravel(), limit=np.abs(moves).max())
    figure.suptitle(
        f"W - 1/{num_frames} in % of 1/{num_frames}: {num_frames} frames, {side} x {side} patches, {width} channels; "
        f"largest move {np.abs(moves).max():.3g} %"
    )
    return figure


def _draw_maps(figure: Figure, row: np.ndarray, maps: np.ndarray) -> None:
    limit = np.abs(maps).max() or 1.0
    for position, (axes, patch_map) in enumerate(zip(row, maps, strict=True), start=1):
        image = axes.imshow(patch_map, cmap="RdBu_r", vmin=-limit, vmax=limit)
        axes.set_title(f"frame {position}: mean {patch_map.mean():+.3g} %")
        axes.set_xticks([])
        axes.set_yticks([])
    figure.colorbar(image, ax=list(row), label="mean over channels, %")


def _draw_spread(axes, moves: np.ndarray, limit: float) -> None:
    axes.hist(moves, bins=61, range=(-limit, limit) if limit else (-1, 1), color="#446688")
    low, high = np.quantile(moves, SHOWN_QUANTILES)
    axes.set_xlabel(f"single weights, %\n98 % lie in {low:+.3g} to {high:+.3g}")
    axes.set_yticks([])
