"""Held-out combinations are not in the training data, but each pair of their parts is."""

import itertools

import pytest

from fila_video.world.splits import SPLITS, draw_sample, has_held_out, is_held_out
from fila_video.world.vocabulary import BACKGROUND_COLOURS, OBJECT_COLOURS, SHAPES


def combinations_of(split: str, count: int = 150) -> list[set]:
    videos = (draw_sample(split, number, num_questions=1)[0] for number in range(count))
    return [
        {(item.colour, item.shape, scene.background) for scene in video.scenes for item in scene.objects}
        for video in videos
    ]


@pytest.mark.parametrize("split", [name for name in SPLITS if name != "test_combinations"])
def test_held_out_combinations_are_in_no_other_split(split):
    assert not any(is_held_out(*combination) for found in combinations_of(split) for combination in found)


def test_every_video_of_their_split_has_one():
    assert all(
        any(is_held_out(*combination) for combination in found) for found in combinations_of("test_combinations")
    )


def test_one_combination_in_ten_is_held_out_and_every_pair_is_trained_on():
    parts = (tuple(OBJECT_COLOURS), SHAPES, tuple(BACKGROUND_COLOURS))
    everything = list(itertools.product(*parts))
    seen = [combination for combination in everything if not is_held_out(*combination)]
    assert len(seen) == pytest.approx(0.9 * len(everything), rel=0.02)
    for one, other in itertools.combinations(range(3), 2):
        pairs = {(combination[one], combination[other]) for combination in seen}
        assert len(pairs) == len(parts[one]) * len(parts[other])


def test_splits_and_seeds_have_different_videos_and_are_the_same_every_time():
    drawn = [draw_sample(split, number, num_questions=4) for split in SPLITS for number in range(20)]
    assert drawn == [draw_sample(split, number, num_questions=4) for split in SPLITS for number in range(20)]
    other_seed = [draw_sample("train", number, num_questions=4, seed=1) for number in range(20)]
    videos = [video for video, _ in drawn + other_seed]
    assert len(set(videos)) == len(videos)
    assert has_held_out(draw_sample("test_combinations", 0, num_questions=1)[0])


@pytest.mark.parametrize(("arguments", "message"), [(("trial", 0), "split='trial'"), (("train", -1), "number=-1")])
def test_samples_that_do_not_exist_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        draw_sample(*arguments, num_questions=1)
