"""K-means by hand on small tables, and by its fixed point.

test_scene_selection.py compares whole selections with the independent NumPy implementation.
"""

import pytest
import torch

from modeling_fila.kmeans import cluster_means, distances, draw_first_centers, kmeans_representatives, lloyd
from tests.modeling_fila.features import every_features, random_features


@every_features
@pytest.mark.parametrize("tolerance", [0.0, 1e-4, 0.3])
def test_steps_after_convergence_change_nothing(features, tolerance):
    first = draw_first_centers(features, 9, init="random", seed=0)
    options = {"max_iterations": 40, "tolerance": tolerance}
    stopped = lloyd(features, features[first], stop_early=True, **options)
    assert torch.equal(lloyd(features, features[first], stop_early=False, **options), stopped)


@pytest.mark.parametrize("seed", range(5))
def test_kmeans_reaches_a_fixed_point(seed):
    features = random_features(200, seed=seed)
    first = draw_first_centers(features, 10, init="random", seed=seed)
    assignment = lloyd(features, features[first], max_iterations=500, tolerance=0.0, stop_early=True)
    means, size = cluster_means(features, assignment, 10)
    assert size.min() > 0
    assert torch.equal(distances(features.double(), means).argmin(dim=1), assignment)


def test_an_empty_cluster_restarts_at_the_farthest_feature():
    features = torch.tensor([[0.0], [1.0], [2.0], [100.0]])
    # Nothing is nearest to the center at -50, and 100 is farthest from its own.
    assignment = lloyd(features, torch.tensor([[1.0], [-50.0]]), max_iterations=50, tolerance=0.0, stop_early=True)
    assert assignment.tolist() == [0, 0, 0, 1]


def test_several_empty_clusters_restart_one_after_the_other():
    features = torch.tensor([[0.0], [1.0], [10.0], [20.0], [40.0]])
    centers = torch.tensor([[0.0], [1000.0], [1001.0], [1002.0]])
    assignment = lloyd(features, centers, max_iterations=50, tolerance=0.0, stop_early=True)
    assert sorted(torch.bincount(assignment, minlength=4).tolist()) == [1, 1, 1, 2]
    assert assignment[0] == assignment[1]


def test_a_tie_in_a_cluster_of_two_goes_to_the_earlier_frame():
    for seed in range(50):
        features = random_features(2, width=64, seed=seed) + 10
        assert kmeans_representatives(features, num_clusters=1).tolist() == [0]
