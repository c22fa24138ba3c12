"""Where the times of scenes stand among the visual tokens, by hand."""

import pytest
import torch

from modeling_fila.outputs import FilaVideoFeatures
from modeling_fila.time_embeddings import with_scene_times


# Two videos: the first has scenes at frames 0 and 2 and 5 visual tokens, the second one scene at frame 1 and 2 tokens.
FIRST, SECOND = torch.arange(100.0, 105.0)[:, None], torch.arange(200.0, 202.0)[:, None]
REPRESENTATIVES = torch.tensor([[0, 2], [1, -1]])
# Two tokens for each time of the first video, one for each of the second.
TIME_IDS = torch.tensor([[[1, 2], [3, 4], [5, 6]], [[7, -1], [8, -1], [-1, -1]]])
AFTER, BEFORE = torch.tensor([False, False]), torch.tensor([True, True])


def features() -> FilaVideoFeatures:
    return FilaVideoFeatures(pooler_output=[FIRST, SECOND], scene_representatives=REPRESENTATIVES)


def embed(ids: torch.Tensor) -> torch.Tensor:
    return ids[..., None].float()


def rows(found: FilaVideoFeatures) -> list[list[float]]:
    return [tokens[:, 0].tolist() for tokens in found.pooler_output]


def test_times_stand_after_all_visual_tokens():
    expected = [[100, 101, 102, 103, 104, 1, 2, 5, 6], [200, 201, 8]]
    assert rows(with_scene_times(features(), TIME_IDS, AFTER, embed)) == expected


def test_or_before_those_of_their_scene():
    found = with_scene_times(features(), TIME_IDS, BEFORE, embed)
    # Two tokens for each scene, and the one that is left over at the end.
    assert rows(found) == [[1, 2, 100, 101, 5, 6, 102, 103, 104], [8, 200, 201]]
    assert found.scene_time_ids.tolist() == [[[1, 2], [5, 6]], [[8, -1], [7, -1]]]


def test_each_video_has_its_own_way():
    found = with_scene_times(features(), TIME_IDS, torch.tensor([False, True]), embed)
    assert rows(found) == [[100, 101, 102, 103, 104, 1, 2, 5, 6], [8, 200, 201]]


def test_times_are_put_in_once():
    once = with_scene_times(features(), TIME_IDS, AFTER, embed)
    assert with_scene_times(once, TIME_IDS, AFTER, embed) is once
    assert with_scene_times(once, None, None, embed) is once
    without = features()
    assert with_scene_times(without, None, None, embed) is without
    assert rows(without) == [FIRST[:, 0].tolist(), SECOND[:, 0].tolist()]


@pytest.mark.parametrize(("ids", "layout"), [(TIME_IDS, BEFORE), (TIME_IDS + (TIME_IDS > 0) * 50, AFTER)])
def test_features_with_other_times_are_refused(ids, layout):
    """The numbers of tokens agree, so nothing else would notice."""
    once = with_scene_times(features(), TIME_IDS, AFTER, embed)
    with pytest.raises(ValueError, match="made with other times"):
        with_scene_times(once, ids, layout, embed)


@pytest.mark.parametrize("arguments", [(TIME_IDS, None), (None, AFTER)])
def test_one_of_the_two_alone_is_refused(arguments):
    with pytest.raises(ValueError, match="frame_time_ids and times_are_interleaved together"):
        with_scene_times(features(), *arguments, embed)


@pytest.mark.parametrize("ids", [TIME_IDS[:1], TIME_IDS[:, :2]], ids=["other videos", "other frames"])
def test_times_of_other_videos_are_refused(ids):
    with pytest.raises(ValueError, match="do not fit the 2 videos, whose scenes reach to frame 2"):
        with_scene_times(features(), ids, AFTER, embed)


def test_videos_in_another_order_are_refused():
    with pytest.raises(ValueError, match="no times for some frames"):
        with_scene_times(features(), TIME_IDS.flip(0), AFTER, embed)
    with pytest.raises(ValueError, match="one entry for each of 2 videos"):
        with_scene_times(features(), TIME_IDS, AFTER[:1], embed)


def test_gradients_reach_the_embedding_table():
    table = torch.nn.Embedding(9, 1)
    found = with_scene_times(features(), TIME_IDS, AFTER, table)
    torch.cat(found.pooler_output).sum().backward()
    assert table.weight.grad[:, 0].tolist() == [0, 1, 1, 0, 0, 1, 1, 0, 1]
