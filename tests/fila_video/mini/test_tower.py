"""The pretraining of the vision tower: labels match the frames, and accuracy rises."""

import itertools

import numpy as np
import torch

from fila_video.mini.architecture import mini_config
from fila_video.mini.tokenizer import mini_tokenizer
from fila_video.mini.tower import CLASSES, LANES, DrawnFrames, pretrain_tower
from fila_video.world.vocabulary import BACKGROUND_COLOURS, OBJECT_COLOURS


def test_labels_name_what_is_in_the_frame():
    """The color at an object's center is nearest to the label's color, except during fades."""
    names, is_right = list(CLASSES), []
    for pixels, labels, places in itertools.islice(DrawnFrames(16, seed=3), 6):
        assert pixels.shape == (16, 3, 64, 64) and pixels.abs().max() < 1.3
        pictures = ((pixels + 1) * 127.5).permute(0, 2, 3, 1).numpy()
        for picture, label, place in zip(pictures, labels.tolist(), places.numpy(), strict=True):
            of = dict(zip(names, label, strict=True))
            is_there = [of[f"{lane} colour"] > 0 for lane in LANES]
            assert is_there in ([True, False, False], [False, True, True], [False, True, False])
            np.testing.assert_array_equal(is_there, ~np.isnan(place).any(1))
            for lane, (column, row) in zip(LANES, place, strict=True):
                # The middle of a ring is empty.
                if of[f"{lane} colour"] and of[f"{lane} shape"] != 5:
                    around = picture[int(row * 64), int(column * 64)]
                    is_right.append(nearest(around, OBJECT_COLOURS) == of[f"{lane} colour"] - 1)
    assert len(is_right) > 60 and np.mean(is_right) > 0.95


def nearest(colour: np.ndarray, palette: dict) -> int:
    return int(np.linalg.norm(np.array(list(palette.values()), float) - colour, axis=1).argmin())


def test_every_background_and_shape_is_drawn():
    seen = torch.cat([labels for _, labels, _ in itertools.islice(DrawnFrames(64, seed=1), 6)])
    for place, (name, count) in enumerate(CLASSES.items()):
        assert set(seen[:, place].tolist()) == set(range(count)), name
    assert len(BACKGROUND_COLOURS) == CLASSES["background"]


def test_a_few_steps_teach_the_commonest():
    config = mini_config(mini_tokenizer()).vision_config
    weights, accuracy = pretrain_tower(config, steps=60, seed=0, workers=0)
    assert {name.split(".")[0] for name in weights} >= {"embeddings", "encoder"}
    assert list(accuracy) == list(CLASSES)
    assert accuracy["background"] > 2 / CLASSES["background"]
