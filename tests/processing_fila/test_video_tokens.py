"""The number of visual tokens, against numbers worked out by hand for the 384/14 tower."""

import pytest
import torch

from processing_fila.video_tokens import NEWLINE_POSITIONS, SPATIAL_POOL_MODES, count_scenes, count_tokens, pooled_side


# 1, 2, 31 and 32 feature maps of 14 x 14 and of 13 x 13.
TOKENS_OF_SIDE = {
    14: {
        "grid": (210, 420, 6510, 6720),
        "frame": (197, 394, 6107, 6304),
        "one_token": (197, 393, 6077, 6273),
        "no_token": (196, 392, 6076, 6272),
    },
    13: {
        "grid": (182, 364, 5642, 5824),
        "frame": (170, 340, 5270, 5440),
        "one_token": (170, 339, 5240, 5409),
        "no_token": (169, 338, 5239, 5408),
    },
}
SIDE_OF_MODE = {"bilinear": 14, "average": 13, "max": 13}


@pytest.mark.parametrize("num_frames, num_maps", [(1, 1), (2, 2), (31, 31), (32, 32), (33, 32), (96, 32), (500, 32)])
def test_a_scene_is_a_feature_map_and_every_frame_is_one_while_there_are_few(num_frames, num_maps):
    assert count_scenes(num_frames, num_scenes=32) == num_maps


@pytest.mark.parametrize("num_frames", [1, 32, 33, 500])
def test_without_a_number_of_scenes_every_frame_is_kept(num_frames):
    assert count_scenes(num_frames, num_scenes=None) == num_frames


@pytest.mark.parametrize("num_scenes", [0, -1])
def test_no_scenes_are_refused(num_scenes):
    with pytest.raises(ValueError, match=f"num_scenes={num_scenes} "):
        count_scenes(5, num_scenes=num_scenes)


@pytest.mark.parametrize("mode", SPATIAL_POOL_MODES)
def test_side_of_a_pooled_map_of_the_384_tower(mode):
    assert pooled_side(27, mode=mode, stride=2) == SIDE_OF_MODE[mode]


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("side", range(3, 28, 4))
def test_side_is_that_of_pooling_by_torch(side, stride):
    features = torch.zeros(1, 1, side, side)
    assert pooled_side(side, mode="average", stride=stride) == torch.nn.AvgPool2d(stride)(features).shape[-1]
    assert pooled_side(side, mode="max", stride=stride) == torch.nn.MaxPool2d(stride)(features).shape[-1]
    # LLaVA-OneVision interpolates to the side divided by the stride, rounded up.
    rounded_up = torch.nn.MaxPool2d(stride, ceil_mode=True)(features).shape[-1]
    assert pooled_side(side, mode="bilinear", stride=stride) == rounded_up


@pytest.mark.parametrize("place, num_maps", list(enumerate([1, 2, 31, 32])))
@pytest.mark.parametrize("side", [14, 13])
@pytest.mark.parametrize("newline_position", NEWLINE_POSITIONS)
def test_tokens_and_newlines(newline_position, side, place, num_maps):
    expected = TOKENS_OF_SIDE[side][newline_position][place]
    assert count_tokens(num_maps, side=side, newline_position=newline_position) == expected


def test_unknown_modes_are_refused_by_name():
    with pytest.raises(ValueError, match="spatial_pool_mode='median' is unknown.*bilinear"):
        pooled_side(27, mode="median", stride=2)
    with pytest.raises(ValueError, match="newline_position='row' is unknown.*one_token"):
        count_tokens(1, side=14, newline_position="row")
