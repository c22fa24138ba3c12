"""The runner's selection in NumPy selects the scenes that the model selects."""

import dataclasses

import numpy as np
import pytest

from fila_video.onnx.scene_selection import find_scenes
from fila_video.onnx.settings import Settings
from modeling_fila.kmeans import draw_random_numbers
from modeling_fila.scene_selection import find_scenes as find_scenes_in_torch
from tests.modeling_fila.features import every_features, video_features


SETTINGS = Settings(
    frame_size=(42, 42),
    num_frames=96,
    frames_per_chunk=16,
    num_scenes=7,
    scene_size=3,
    selection="kmeans",
    supplement="similar",
    kmeans_init="random",
    kmeans_max_iterations=100,
    kmeans_tolerance=1e-4,
    timestamps="sampled",
    prompt=("", "", ""),
    video_token="<video>",
    end_token_ids=(0,),
    suppressed_token_ids=(),
    max_new_tokens=8,
)


def check_same_scenes(features, **options):
    settings = dataclasses.replace(SETTINGS, **options)

    def first_centers(num_frames):
        drawn = draw_random_numbers(num_frames, settings.num_scenes, init=settings.kmeans_init, seed=0)
        return drawn.numpy()

    expected = find_scenes_in_torch(
        features,
        num_scenes=settings.num_scenes,
        scene_size=settings.scene_size,
        selection=settings.selection,
        supplement=settings.supplement,
        kmeans_init=settings.kmeans_init,
    )
    frames, representatives = find_scenes(features.numpy(), settings, first_centers)
    assert frames.tolist() == expected.frame_indices.tolist()
    assert representatives.tolist() == expected.representatives.tolist()


@every_features
@pytest.mark.parametrize("kmeans_init", ["random", "kmeans++"])
@pytest.mark.parametrize("supplement", ["similar", "dissimilar"])
def test_kmeans(features, kmeans_init, supplement):
    check_same_scenes(features, kmeans_init=kmeans_init, supplement=supplement)


@every_features
@pytest.mark.parametrize("selection", ["uniform", "bsm"])
def test_other_selections(features, selection):
    check_same_scenes(features, selection=selection)


@pytest.mark.parametrize("num_frames", [1, 6, 7, 8, 13, 96])
@pytest.mark.parametrize("selection", ["kmeans", "uniform", "bsm"])
@pytest.mark.parametrize("scene_size", [1, 2, 5])
def test_any_number_of_frames(num_frames, selection, scene_size):
    check_same_scenes(video_features(num_frames), selection=selection, scene_size=scene_size)


def test_without_a_number_of_scenes_every_frame_is_one():
    frames, representatives = find_scenes(
        video_features(9).numpy(), dataclasses.replace(SETTINGS, num_scenes=None, scene_size=1), None
    )
    assert frames.tolist() == [[frame] for frame in range(9)]
    assert np.array_equal(representatives, np.arange(9))
