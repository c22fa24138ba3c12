"""The picture of the merging weights shows where W moved."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from fila_video.training.model.merging_weights import WEIGHT_NAME, draw_merging_weights, read_merging_weight


@pytest.fixture
def weight() -> torch.Tensor:
    """W of 3 frames, 4 x 4 patches and 8 channels: 1/3, but 10% more in the first frame's upper half."""
    weight = torch.full((3, 16, 8), 1 / 3)
    weight[0, :8] *= 1.1
    return weight


def test_the_move_is_red_where_it_is_and_nowhere_else(weight, tmp_path):
    draw_merging_weights(weight, tmp_path / "w.png")
    pixels = np.asarray(Image.open(tmp_path / "w.png").convert("RGB")).astype(int)
    is_red = (pixels[..., 0] - pixels[..., 2] > 50) & (pixels[..., 0] - pixels[..., 1] > 50)
    width = pixels.shape[1]
    maps = is_red[: pixels.shape[0] // 2, : int(width * 0.85)]
    columns = np.flatnonzero(maps.sum(0) > 20)
    assert len(columns) and columns.max() < width / 3


def test_a_mean_that_has_not_moved_is_drawn_too(tmp_path):
    draw_merging_weights(torch.full((3, 16, 8), 1 / 3), tmp_path / "w.png")
    assert (tmp_path / "w.png").stat().st_size > 0


def test_it_is_read_from_one_file_or_from_shards(weight, tmp_path):
    save_file({WEIGHT_NAME: weight, "other": torch.zeros(1)}, tmp_path / "model.safetensors")
    assert torch.equal(read_merging_weight(tmp_path), weight)
    (tmp_path / "model.safetensors").rename(tmp_path / "model-00002-of-00002.safetensors")
    files = {WEIGHT_NAME: "model-00002-of-00002.safetensors", "other": "model-00001-of-00002.safetensors"}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": files}))
    assert torch.equal(read_merging_weight(tmp_path), weight)
