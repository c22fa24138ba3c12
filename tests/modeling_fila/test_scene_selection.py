"""Scene selection against an independent NumPy implementation, by hand on small tables, and by its invariants."""

import inspect
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling_fila import kmeans, scene_selection
from modeling_fila.kmeans import lloyd
from modeling_fila.scene_selection import (
    bipartite_scenes,
    cosine_distances,
    find_clusters,
    find_scenes,
    find_scenes_of_each,
    frame_representations,
    select_scenes,
    supplemented_scenes,
    uniform_scenes,
)
from tests.modeling_fila.features import every_features, far_apart, random_features, video_features
from tests.oracles import scene_selection as oracle


def oracle_first_centers(features, num_clusters, init, seed):
    generator = torch.Generator().manual_seed(seed)
    if init == "random":
        return torch.randperm(len(features), generator=generator)[:num_clusters].tolist()
    races = torch.empty(num_clusters, 2 + int(math.log(num_clusters)), len(features))
    races.exponential_(generator=generator)
    return oracle.kmeans_plus_plus(features.double().numpy(), races.double().numpy())


def oracle_kmeans_scenes(features, num_scenes, scene_size, supplement="similar", init="random", seed=0, **options):
    points = features.double().numpy()
    first = oracle_first_centers(features, num_scenes, init, seed)
    assignment = oracle.kmeans(points, first, **options)
    chosen = oracle.representatives(points, assignment, num_scenes)
    return oracle.supplemented(points, chosen, scene_size, supplement), chosen


def check_same(scenes, expected):
    expected_frames, expected_representatives = expected
    assert scenes.representatives.tolist() == expected_representatives
    assert scenes.frame_indices.tolist() == expected_frames


# Equation 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_frame_representations_are_float32_means_of_the_patches(dtype):
    features = torch.randn(5, 7, 3).to(dtype)
    result = frame_representations(features)
    assert result.dtype == torch.float32
    expected = oracle.frame_representations(features.float().numpy())
    torch.testing.assert_close(result.double(), torch.from_numpy(expected), rtol=0, atol=1e-6)


def test_frame_representations_do_not_overflow_in_float16():
    features = torch.full((2, 729, 4), 60000.0, dtype=torch.float16)
    assert torch.equal(frame_representations(features), torch.full((2, 4), features[0, 0, 0].item()))


# K-means, equations 2 to 6


@every_features
@pytest.mark.parametrize("init", ["random", "kmeans++"])
@pytest.mark.parametrize("supplement", ["similar", "dissimilar"])
@pytest.mark.parametrize(("num_scenes", "scene_size"), [(8, 3), (1, 4), (32, 3), (13, 1)])
def test_kmeans_scenes_equal_the_oracle(features, init, supplement, num_scenes, scene_size):
    scenes = find_scenes(
        features,
        num_scenes=num_scenes,
        scene_size=scene_size,
        supplement=supplement,
        kmeans_init=init,
        kmeans_seed=3,
        kmeans_tolerance=0.0,
    )
    check_same(scenes, oracle_kmeans_scenes(features, num_scenes, scene_size, supplement, init, seed=3))


@pytest.mark.parametrize("seed", range(12))
def test_kmeans_scenes_of_the_paper_s_size_equal_the_oracle(seed):
    features = video_features(96, width=24, seed=seed)
    scenes = find_scenes(features, num_scenes=32, scene_size=3, kmeans_seed=seed)
    check_same(scenes, oracle_kmeans_scenes(features, 32, 3, seed=seed, tolerance=1e-4))


@pytest.mark.parametrize(("max_iterations", "tolerance"), [(1, 0.0), (2, 0.0), (100, 0.5), (100, 1e9)])
def test_kmeans_ends_as_the_oracle_does(max_iterations, tolerance):
    features = random_features(60, seed=5)
    scenes = find_scenes(
        features,
        num_scenes=7,
        scene_size=2,
        kmeans_max_iterations=max_iterations,
        kmeans_tolerance=tolerance,
    )
    options = {"max_iterations": max_iterations, "tolerance": tolerance}
    check_same(scenes, oracle_kmeans_scenes(features, 7, 2, **options))


def test_both_of_two_clusters_far_apart_have_representatives():
    features = far_apart(num_frames=60, width=16)
    chosen = find_scenes(features, num_scenes=12, scene_size=1, kmeans_init="kmeans++").representatives
    assert features[chosen].sign().sum(dim=0).abs().max() < 12


def test_equal_frames_give_distinct_representatives():
    scenes = find_scenes(torch.ones(10, 4), num_scenes=4, scene_size=3)
    assert scenes.representatives.tolist() == [0, 1, 2, 3]
    assert scenes.frame_indices.tolist() == [[0, 0, 0], [1, 1, 1], [2, 2, 2], [3, 3, 3]]


@pytest.mark.parametrize("init", ["random", "kmeans++"])
def test_kmeans_plus_plus_is_the_better_start_on_separated_clusters(init):
    """benchmarks/scene_selection.py explains which start is recommended, and why."""
    generator = torch.Generator().manual_seed(0)
    features = 100 * torch.randn(16, 8, generator=generator)[torch.arange(160) // 10]
    features = features + torch.randn(160, 8, generator=generator)
    found = []
    for seed in range(10):
        options = {"kmeans_init": init, "kmeans_seed": seed}
        chosen = find_scenes(features, num_scenes=16, scene_size=1, **options).representatives
        found.append(len(set((chosen // 10).tolist())))
    assert min(found) == 16 if init == "kmeans++" else max(found) < 16


# Supplements, by hand


def test_supplements_by_hand():
    #                          0       1       2       3       4       5
    features = torch.tensor([[1, 0], [0, 1], [1, 1], [4, 1], [0, 2], [5, 1]]).float()
    chosen = torch.tensor([3, 5])
    similar = supplemented_scenes(features, chosen, scene_size=3, supplement="similar")
    assert similar.tolist() == [[0, 2, 3], [4, 5, 5]]
    dissimilar = supplemented_scenes(features, chosen, scene_size=3, supplement="dissimilar")
    assert dissimilar.tolist() == [[1, 2, 3], [4, 5, 5]]


def test_a_representative_without_history_is_repeated():
    features = random_features(6)
    scenes = supplemented_scenes(features, torch.tensor([0, 1, 5]), scene_size=3, supplement="similar")
    assert scenes[:2].tolist() == [[0, 0, 0], [1, 1, 1]]


def test_more_supplements_than_frames():
    scenes = supplemented_scenes(random_features(3), torch.tensor([2]), scene_size=6, supplement="similar")
    assert scenes.tolist() == [[0, 1, 2, 2, 2, 2]]


def test_cosine_distances_order_nearly_equal_frames():
    """Cosine similarities of 1 - 1e-10 and 1 - 4e-10 are both 1 in float32."""
    base = torch.zeros(1, 3).index_fill(1, torch.tensor([0]), 1.0)
    near = base + torch.tensor([[0, 1e-5, 0], [0, 0, 2e-5]])
    assert torch.nn.functional.cosine_similarity(base, near).tolist() == [1.0, 1.0]
    closer, farther = cosine_distances(base, near)[0].tolist()
    assert 0 < closer < farther


# Uniform


def test_stage_4_makes_96_frames_32_scenes_of_3():
    assert torch.equal(uniform_scenes(96, 32, 3).frame_indices, torch.arange(96).reshape(32, 3))
    assert torch.equal(uniform_scenes(96, 32, 3).representatives, torch.arange(1, 96, 3))


@pytest.mark.parametrize(
    ("num_frames", "num_scenes", "scene_size", "expected"),
    [
        (7, 2, 3, [[0, 1, 2], [3, 5, 6]]),
        (5, 3, 3, [[0, 0, 0], [1, 2, 2], [3, 4, 4]]),
        (18, 2, 3, [[1, 4, 7], [10, 13, 16]]),
        (9, 3, 1, [[1], [4], [7]]),
    ],
)
def test_uniform_by_hand(num_frames, num_scenes, scene_size, expected):
    assert uniform_scenes(num_frames, num_scenes, scene_size).frame_indices.tolist() == expected


@pytest.mark.parametrize("scene_size", [1, 2, 3, 5])
def test_uniform_equals_the_oracle(scene_size):
    for num_frames in range(2, 60):
        for num_scenes in range(1, num_frames):
            expected = oracle.uniform(num_frames, num_scenes, scene_size)
            check_same(uniform_scenes(num_frames, num_scenes, scene_size), expected)


# Bipartite matching


@every_features
@pytest.mark.parametrize(("num_scenes", "scene_size"), [(8, 3), (1, 4), (32, 3), (13, 1), (19, 6)])
def test_bipartite_scenes_equal_the_oracle(features, num_scenes, scene_size):
    scenes = find_scenes(features, num_scenes=num_scenes, scene_size=scene_size, selection="bsm")
    check_same(scenes, oracle.bipartite(features.double().numpy(), num_scenes, scene_size))


def test_bipartite_scenes_by_hand():
    # Frames 0 to 2: the sources are 0 and 2, the target is 1. Frames 3 to 6: the sources are 3 and 5.
    features = torch.tensor([[1, 0], [0, 1], [1, 3], [0, 1], [1, 0], [1, 1], [2, 1]]).float()
    scenes = bipartite_scenes(features, num_scenes=2, scene_size=3)
    assert scenes.representatives.tolist() == [2, 5]
    assert scenes.frame_indices.tolist() == [[1, 2, 2], [4, 5, 6]]
    pair = bipartite_scenes(features, num_scenes=2, scene_size=2)
    assert pair.frame_indices.tolist() == [[1, 2], [5, 6]]


# The scene of every frame


@every_features
@pytest.mark.parametrize("init", ["random", "kmeans++"])
@pytest.mark.parametrize("num_scenes", [1, 8, 13])
def test_clusters_of_kmeans_equal_the_oracle(features, init, num_scenes):
    points = features.double().numpy()
    assignment = oracle.kmeans(points, oracle_first_centers(features, num_scenes, init, seed=3))
    chosen = oracle.representatives(points, assignment, num_scenes)
    _, members = np.unique(assignment, return_inverse=True)  # without the numbers of empty clusters
    nearest = oracle.representatives(points, members, members.max() + 1)
    place_of = {int(members[frame]): chosen.index(frame) for frame in nearest}
    expected = [
        chosen.index(frame) if frame in chosen else place_of[int(members[frame])] for frame in range(len(points))
    ]
    options = {"num_scenes": num_scenes, "scene_size": 3, "kmeans_init": init, "kmeans_seed": 3}
    assert find_clusters(features, **options).tolist() == expected


@pytest.mark.parametrize("selection", ["uniform", "bsm"])
@pytest.mark.parametrize(("num_frames", "num_scenes"), [(96, 32), (10, 3), (5, 4), (4, 4), (3, 8)])
def test_clusters_of_the_other_methods_are_segments(selection, num_frames, num_scenes):
    clusters = find_clusters(random_features(num_frames), num_scenes=num_scenes, scene_size=3, selection=selection)
    segments = oracle.segments(num_frames, min(num_scenes, num_frames))
    assert [(clusters == place).nonzero()[:, 0].tolist() for place in range(len(segments))] == segments


def test_a_frame_for_an_empty_cluster_is_its_only_member():
    """Three different frames make three clusters; the two others are filled from the repeated ones."""
    features = torch.tensor([[0.0], [0.0], [0.0], [5.0], [9.0], [9.0]])
    representatives = find_scenes(features, num_scenes=5, scene_size=1).representatives
    clusters = find_clusters(features, num_scenes=5, scene_size=1)
    assert clusters[representatives].tolist() == [0, 1, 2, 3, 4]
    (left,) = set(range(6)) - set(representatives.tolist())
    same = [place for place in range(6) if features[place] == features[left] and place != left]
    assert clusters[left] in clusters[same]


# All methods

METHODS = [
    {"selection": "kmeans"},
    {"selection": "kmeans", "kmeans_init": "kmeans++"},
    {"selection": "kmeans", "supplement": "dissimilar"},
    {"selection": "uniform"},
    {"selection": "bsm"},
]
every_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: " ".join(method.values()))


@every_method
@pytest.mark.parametrize("num_frames", [1, 2, 31, 32])
def test_few_frames_are_scenes_of_their_own(method, num_frames):
    scenes = find_scenes(random_features(num_frames), num_scenes=32, scene_size=3, **method)
    assert scenes.frame_indices.tolist() == [[i, i, i] for i in range(num_frames)]
    assert scenes.representatives.tolist() == list(range(num_frames))


@every_method
@every_features
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_gives_what_its_values_give_in_float32(method, features, dtype):
    features = (features / 10).to(dtype)
    scenes = find_scenes(features, num_scenes=8, scene_size=3, **method)
    expected = find_scenes(features.float(), num_scenes=8, scene_size=3, **method)
    assert torch.equal(scenes.frame_indices, expected.frame_indices)


@every_method
def test_autocast_changes_nothing(method):
    features = video_features(96)
    expected = select_scenes(features, num_scenes=32, scene_size=3, **method)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(select_scenes(features, num_scenes=32, scene_size=3, **method), expected)


@every_method
@every_features
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_scenes_of_a_batch_are_those_of_each_video_alone(method, features, device, monkeypatch):
    """On a GPU videos are clustered together. The patches make a CPU do the same."""
    videos = torch.stack([features, features.flip(0), 2 * features.roll(5, dims=0)]).to(device)
    for num_scenes in (9, len(features)):
        options = {"num_scenes": num_scenes, "scene_size": 3, **method}
        alone = [find_scenes(video, **options) for video in videos]
        with monkeypatch.context() as patched:
            patched.setattr(kmeans, "lloyd", lambda *args, stop_early, **steps: lloyd(*args, stop_early=False, **steps))
            patched.setattr(scene_selection, "pays_to_batch", lambda device: True)
            together = find_scenes_of_each(videos, **options)
        for field in together._fields:
            assert torch.equal(getattr(together, field), torch.stack([getattr(scenes, field) for scenes in alone]))


@every_method
def test_nothing_waits_for_the_device(method):
    """Tensors on the meta device have no values. Code that reads one, or mixes in a CPU tensor, fails."""
    features = torch.empty(96, 16, device="meta")
    scenes = find_scenes(features, num_scenes=32, scene_size=3, kmeans_max_iterations=3, **method)
    assert scenes.frame_indices.is_meta and scenes.frame_indices.shape == (32, 3)
    assert scenes.representatives.is_meta and scenes.representatives.shape == (32,)


@every_method
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_features_that_are_not_finite_end_in_valid_frames(method, value):
    features = random_features(40)
    features[5:20:3] = value
    check_invariants(find_scenes(features, num_scenes=9, scene_size=3, **method), 40, 9, 3)


def test_no_gradient_is_recorded():
    features = random_features(40).requires_grad_()
    assert not select_scenes(features, num_scenes=5, scene_size=3).requires_grad


def check_invariants(scenes, num_frames, num_scenes, scene_size):
    frames, chosen = scenes.frame_indices, scenes.representatives
    assert frames.dtype == chosen.dtype == torch.int64
    assert frames.shape == (min(num_frames, num_scenes), scene_size)
    assert frames.min() >= 0 and frames.max() < num_frames
    assert (frames.diff(dim=1) >= 0).all()
    assert (chosen.diff() > 0).all()
    assert (frames == chosen[:, None]).any(dim=1).all()


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_invariants(data):
    num_frames, width = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 5))
    num_scenes, scene_size = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 5))
    options = data.draw(st.sampled_from(METHODS)) | {"kmeans_seed": data.draw(st.integers(0, 2**32))}
    number = data.draw(st.sampled_from([st.integers(-2, 2), st.floats(-1e4, 1e4, width=32)]))
    values = data.draw(st.lists(number, min_size=num_frames * width, max_size=num_frames * width))
    features = torch.tensor(values, dtype=torch.float32).reshape(num_frames, width)

    state = torch.get_rng_state()
    scenes = find_scenes(features, num_scenes=num_scenes, scene_size=scene_size, **options)
    assert torch.equal(torch.get_rng_state(), state)
    check_invariants(scenes, num_frames, num_scenes, scene_size)
    clusters = find_clusters(features, num_scenes=num_scenes, scene_size=scene_size, **options)
    assert clusters.shape == (num_frames,) and clusters.max() < len(scenes.representatives)
    assert clusters[scenes.representatives].tolist() == list(range(len(scenes.representatives)))

    again = find_scenes(features, num_scenes=num_scenes, scene_size=scene_size, **options)
    assert torch.equal(again.frame_indices, scenes.frame_indices)
    if options["selection"] == "kmeans":
        previous = torch.cat([torch.tensor([-1]), scenes.representatives[:-1]])
        assert (scenes.frame_indices > previous[:, None]).all()
        assert (scenes.frame_indices <= scenes.representatives[:, None]).all()
    if options["selection"] == "uniform" and num_frames == num_scenes * scene_size:
        assert scenes.frame_indices.flatten().tolist() == list(range(num_frames))


# Wrong arguments


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"selection": "k-means"}, r"selection='k-means' is unknown; choose one of 'kmeans', 'uniform', 'bsm'"),
        ({"supplement": "both"}, r"supplement='both' is unknown"),
        ({"kmeans_init": "zeros"}, r"kmeans_init='zeros' is unknown"),
        ({"num_scenes": 0}, r"num_scenes=0 must be at least 1"),
        ({"scene_size": 0}, r"scene_size=0 must be at least 1"),
        ({"kmeans_max_iterations": 0}, r"kmeans_max_iterations=0 must be at least 1"),
        ({"kmeans_tolerance": -1.0}, r"kmeans_tolerance=-1.0 must be at least 0"),
        ({"representations": torch.zeros(4, 2, 3)}, r"representations .* not \(4, 2, 3\)"),
        ({"representations": torch.zeros(0, 3)}, r"representations of shape \(0, 3\) hold no frame"),
    ],
)
def test_a_wrong_argument_is_named(options, message):
    arguments = {"representations": torch.zeros(4, 3), "num_scenes": 2, "scene_size": 3} | options
    with pytest.raises(ValueError, match=message):
        select_scenes(**arguments)


def test_frame_representations_name_a_wrong_shape():
    with pytest.raises(ValueError, match=r"features .* not \(4, 3\)"):
        frame_representations(torch.zeros(4, 3))


def test_both_entry_points_take_the_same_arguments():
    assert inspect.signature(select_scenes).parameters == inspect.signature(find_scenes).parameters
