"""Pooling and newline tokens against plain NumPy, and against transformers' LLaVA-OneVision."""

import pytest
import torch
from transformers import LlavaOnevisionConfig, LlavaOnevisionModel

from modeling_fila.feature_maps import add_newlines, pool_feature_maps
from tests.models import TEXT, VISION
from tests.oracles import visual_tokens as oracle


@pytest.mark.parametrize("mode", ["bilinear", "average", "max"])
@pytest.mark.parametrize(("side", "stride"), [(27, 2), (4, 2), (3, 2), (5, 3), (3, 1), (1, 1)])
def test_pooling_equals_numpy(mode, side, stride):
    maps = torch.randn(2, side * side, 5, dtype=torch.float64)
    pooled = pool_feature_maps(maps, mode=mode, stride=stride)
    expected = torch.tensor([grid.tolist() for grid in oracle.pool(maps.numpy(), mode, stride)]).flatten(1, 2)
    torch.testing.assert_close(pooled, expected, rtol=0, atol=1e-6, check_dtype=False)


def test_bilinear_pooling_equals_llava_onevision():
    config = LlavaOnevisionConfig(vision_config={**VISION, "image_size": 378}, text_config=TEXT)
    with torch.device("meta"):
        peer = LlavaOnevisionModel(config)
    maps = torch.randn(3, 27 * 27, 6)
    assert torch.equal(pool_feature_maps(maps, mode="bilinear", stride=2), peer.apply_pooling(maps))


@pytest.mark.parametrize(
    ("position", "num_tokens"), [("grid", 3 * 2 * 3), ("frame", 3 * 5), ("one_token", 13), ("no_token", 12)]
)
def test_newlines_are_where_llava_adds_them(position, num_tokens):
    maps, newline = torch.randn(3, 4, 5), torch.randn(5)
    tokens = add_newlines(maps, newline, position=position)
    grids = [grid.reshape(2, 2, 5).numpy() for grid in maps]
    assert len(tokens) == num_tokens
    assert torch.equal(tokens, torch.from_numpy(oracle.lay_out(grids, newline.numpy(), position)))


def test_newline_takes_the_dtype_of_the_maps():
    assert add_newlines(torch.randn(1, 4, 5).bfloat16(), torch.randn(5)).dtype == torch.bfloat16


def test_a_map_that_is_not_a_square_is_refused():
    with pytest.raises(ValueError, match="12 patches is not a square"):
        pool_feature_maps(torch.randn(1, 12, 4))


def test_unknown_methods_are_refused_by_name():
    with pytest.raises(ValueError, match="spatial_pool_mode='cubic'"):
        pool_feature_maps(torch.randn(1, 9, 4), mode="cubic")
    with pytest.raises(ValueError, match="newline_position='row'"):
        add_newlines(torch.randn(1, 9, 4), torch.randn(4), position="row")
