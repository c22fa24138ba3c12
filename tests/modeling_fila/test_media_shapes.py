"""Counts of frames and tiles by hand, and pixels and masks that do not fit each other."""

import pytest
import torch

from modeling_fila.media_shapes import as_batch, count_frames, count_tiles, groups_of_equal_length
from tests.models import random_videos, small_model


@pytest.fixture(scope="module")
def model():
    return small_model()


def test_the_padding_is_not_counted():
    pixels, mask = random_videos(9, 2, 5)
    assert count_frames(pixels, mask) == [9, 2, 5]
    assert count_frames(pixels, None) == [9, 9, 9]


@pytest.mark.parametrize(
    ("max_frames", "expected"),
    [
        (4, [[0], [2], [3], [1], [4]]),
        (12, [[0], [2], [3], [1, 4]]),
        (18, [[0, 2], [3], [1, 4]]),
        (99, [[0, 2, 3], [1, 4]]),
    ],
)
def test_videos_of_equal_length_share_a_group(max_frames, expected):
    assert groups_of_equal_length([9, 6, 9, 9, 6], max_frames) == expected


def test_only_an_image_alone_in_its_prompt_has_tiles():
    pixels, grids = torch.zeros(4, 7, 3, 42, 42), [(2, 3), (1, 2), (1, 1), (2, 2)]
    assert count_tiles(pixels, grids, None) == [7, 3, 2, 5]
    assert count_tiles(pixels, grids, torch.tensor([1, 2, 1])) == [7, 1, 1, 5]


def test_a_video_without_frames_is_refused(model):
    with pytest.raises(ValueError, match="Video 0 has no frame"):
        model.get_video_features(torch.zeros(1, 0, 3, 28, 28))


@pytest.mark.parametrize(
    ("pixels", "mask", "message"),
    [
        (torch.zeros(9, 3, 42, 42), None, r"shape \(9, 3, 42, 42\)"),
        (torch.zeros(1, 4, 3, 42, 42), torch.ones(1, 3), r"shape \(1, 3\)"),
        (torch.zeros(2, 4, 3, 42, 42), torch.tensor([[1, 1, 0, 0], [0, 0, 0, 0]]), "Video 1 has no frame"),
        (torch.zeros(1, 4, 3, 42, 42), torch.tensor([[0, 1, 1, 1]]), "must be 1 for a video's frames, then 0"),
    ],
)
def test_pixels_and_mask_of_the_wrong_shape_are_refused(model, pixels, mask, message):
    with pytest.raises(ValueError, match=message):
        model.get_video_features(pixel_values_videos=pixels, video_frame_mask=mask)


def test_a_list_of_videos_becomes_one_padded_tensor():
    rows = [torch.tensor([[1, 2]]), torch.tensor([[3], [4]])]
    assert as_batch(rows, padding=-1).tolist() == [[[1, 2], [-1, -1]], [[3, -1], [4, -1]]]
    assert as_batch([torch.tensor(True), torch.tensor(False)]).tolist() == [True, False]
    assert as_batch(None) is None and as_batch(rows[0]) is rows[0]


@pytest.mark.parametrize("has_masks", [True, False])
def test_a_list_of_videos_gives_the_features_of_a_batch(model, has_masks):
    pixels, mask = random_videos(9, 2, 5)
    expected = model.get_video_features(pixels, mask)
    videos = [video[:length] for video, length in zip(pixels, [9, 2, 5], strict=True)]
    masks = [torch.ones(len(video)) for video in videos] if has_masks else None
    found = model.get_video_features(videos, masks)
    assert torch.equal(found.scene_frame_indices, expected.scene_frame_indices)
    for tokens, other in zip(found.pooler_output, expected.pooler_output, strict=True):
        assert torch.equal(tokens, other)
