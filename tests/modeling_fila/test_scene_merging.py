"""Scene merging against an independent NumPy implementation, and by its properties."""

import pytest
import torch

from modeling_fila.scene_merging import (
    AttentionSceneMerging,
    AverageSceneMerging,
    BipartiteSceneMerging,
    SingleFrameMerging,
    WeightedSceneMerging,
    build_scene_merging,
    merge_most_similar,
)
from tests.oracles import scene_merging as oracle


METHODS = ["weighted", "average", "attention", "bsm"]
SHAPES = [(4, 3, 9, 8), (1, 3, 1, 4), (2, 1, 6, 4), (3, 2, 5, 7), (2, 4, 9, 6), (2, 5, 4, 3)]
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


def random_scenes(shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def build(method, shape):
    _, scene_size, num_patches, hidden_size = shape
    return build_scene_merging(method, scene_size=scene_size, num_patches=num_patches, hidden_size=hidden_size)


def check_close(merged, expected):
    torch.testing.assert_close(merged.detach().double(), torch.as_tensor(expected), rtol=0, atol=1e-5)


@every_shape
def test_weighted_merging_equals_the_oracle(shape):
    merging = build("weighted", shape)
    torch.nn.init.normal_(merging.weight)
    scenes = random_scenes(shape)
    check_close(merging(scenes), oracle.weighted(scenes.numpy(), merging.weight.detach().numpy()))


@every_shape
def test_weighted_merging_starts_as_the_average(shape):
    scenes = random_scenes(shape)
    torch.testing.assert_close(build("weighted", shape)(scenes), build("average", shape)(scenes))


@every_shape
def test_average_merging_equals_the_oracle(shape):
    scenes = random_scenes(shape)
    check_close(build("average", shape)(scenes), oracle.average(scenes.numpy()))


@every_shape
def test_attention_merging_equals_the_oracle(shape):
    merging, scenes = build("attention", shape), 2 * random_scenes(shape)
    weights = merging.query_weight.detach().numpy(), merging.key_weight.detach().numpy()
    check_close(merging(scenes), oracle.attention(scenes.numpy(), *weights))


@every_shape
@pytest.mark.parametrize("seed", range(3))
def test_bipartite_merging_equals_the_oracle(shape, seed):
    scenes = random_scenes(shape, seed)
    check_close(build("bsm", shape)(scenes), oracle.bipartite(scenes.numpy()))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scene_size", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("num_patches", [1, 2, 9, 49])
def test_equal_frames_merge_into_that_frame(method, scene_size, num_patches):
    frames = random_scenes((2, 1, num_patches, 16))
    scenes = frames.expand(-1, scene_size, -1, -1)
    torch.testing.assert_close(build(method, scenes.shape)(scenes), frames[:, 0])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scenes", [torch.ones(2, 3, 9, 4), torch.zeros(2, 3, 9, 4)], ids=["ones", "zeros"])
def test_equal_tokens_stay_as_they_are(method, scenes):
    torch.testing.assert_close(build(method, scenes.shape)(scenes), scenes[:, 0])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_finite_and_close(method, dtype):
    merging, scenes = build(method, (4, 3, 9, 16)), 20 * random_scenes((4, 3, 9, 16)).to(dtype)
    expected = merging(scenes.float())
    merged = merging.to(dtype)(scenes)
    assert merged.dtype == dtype and merged.isfinite().all()
    # With large scores, the softmax turns rounding errors into different shares. Only finite values are certain.
    if method != "attention":
        torch.testing.assert_close(merged.float(), expected, rtol=0.05, atol=0.5)


@pytest.mark.parametrize("method", METHODS)
def test_gradients_reach_scenes_and_weights(method):
    merging, scenes = build(method, (4, 3, 9, 8)), random_scenes((4, 3, 9, 8)).requires_grad_()
    merging(scenes).square().sum().backward()
    for tensor in (scenes, *merging.parameters()):
        assert tensor.grad.isfinite().all() and tensor.grad.abs().sum() > 0


def test_the_gradient_of_weighted_merging_is_that_of_the_formula():
    merging, scenes = WeightedSceneMerging(3, 5, 4).double(), random_scenes((2, 3, 5, 4)).double()
    assert torch.autograd.gradcheck(merging, scenes.requires_grad_())
    upstream = random_scenes((2, 5, 4), seed=1).double()
    merging(scenes).backward(upstream)
    torch.testing.assert_close(merging.weight.grad, (upstream[:, None] * scenes).sum(dim=0))


def test_weighted_merging_copies_no_frames():
    """For any number of frames, it allocates no more than its result and one partial sum of the same size."""
    merging, scenes = WeightedSceneMerging(6, 9, 64), random_scenes((4, 6, 9, 64))
    with torch.profiler.profile(profile_memory=True) as profile, torch.no_grad():
        merging(scenes)
    largest = max(event.cpu_memory_usage for event in profile.events())
    assert 0 < largest <= scenes[:, 0].nbytes


def test_a_round_of_bipartite_merging_by_hand():
    # Sources: 0, 2, 4; targets: 1, 3. Token 4 has the direction of 1, 2 is near 3, and 0 is near no target.
    tokens = torch.tensor([[[-1.0, -1.0], [4.0, 0.0], [0.1, 1.0], [0.0, 1.0], [1.0, 0.0]]])
    sizes = torch.tensor([1.0, 2.0, 1.0, 1.0, 1.0]).reshape(1, 5, 1)
    merged, new_sizes = merge_most_similar(tokens, sizes, 2)
    torch.testing.assert_close(merged, torch.tensor([[[-1.0, -1.0], [3.0, 0.0], [0.05, 1.0]]]))
    assert new_sizes.flatten().tolist() == [1, 3, 2]


def test_bipartite_merging_preserves_the_sum_of_the_tokens_it_stands_for():
    tokens, sizes = random_scenes((3, 20, 6)), torch.ones(3, 20, 1)
    merged, new_sizes = merge_most_similar(tokens, sizes, 10)
    assert merged.shape == (3, 10, 6)
    torch.testing.assert_close((merged * new_sizes).sum(dim=1), tokens.sum(dim=1))
    assert new_sizes.sum(dim=1).flatten().tolist() == [20, 20, 20]


def test_bipartite_merging_matches_in_full_precision_under_autocast():
    scenes = 1 + 0.01 * random_scenes((2, 3, 16, 8))
    expected = BipartiteSceneMerging()(scenes)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(BipartiteSceneMerging()(scenes), expected)


@pytest.mark.parametrize("method", METHODS)
def test_merging_compiles_to_one_graph(method):
    scenes = random_scenes((2, 3, 4, 8))
    merging = build(method, scenes.shape)
    compiled = torch.compile(merging, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(scenes), merging(scenes))


@pytest.mark.parametrize("method", ["weighted", "attention"])
def test_weights_are_initialized_after_a_start_on_the_meta_device(method):
    with torch.device("meta"):
        merging = build(method, (1, 3, 4, 8))
    merging.to_empty(device="cpu").reset_parameters()
    if method == "weighted":
        assert torch.equal(merging.weight, torch.full((3, 4, 8), 1 / 3))
    else:
        bound = (6 / 16) ** 0.5  # Xavier: sqrt(6 / (8 + 8))
        for weight in (merging.query_weight, merging.key_weight):
            assert 0.8 * bound < weight.abs().max() <= bound


def test_the_state_dict_holds_the_weights_by_name():
    shapes = {
        method: {k: tuple(v.shape) for k, v in build(method, (1, 3, 4, 8)).state_dict().items()} for method in METHODS
    }
    assert shapes == {
        "weighted": {"weight": (3, 4, 8)},
        "average": {},
        "attention": {"query_weight": (8, 8), "key_weight": (8, 8)},
        "bsm": {},
    }


def test_a_single_frame_is_handed_on():
    scenes = random_scenes((4, 1, 9, 8))
    merging = build_scene_merging("none", scene_size=1, num_patches=9, hidden_size=8)
    assert isinstance(merging, SingleFrameMerging)
    assert merging(scenes).data_ptr() == scenes.data_ptr()
    assert torch.equal(merging(scenes), scenes[:, 0])


# Wrong arguments


@pytest.mark.parametrize(
    ("merging", "shape", "message"),
    [
        (WeightedSceneMerging(3, 9, 8), (2, 2, 9, 8), r"\(2, 2, 9, 8\) .* weight of shape \(3, 9, 8\)"),
        (WeightedSceneMerging(3, 9, 8), (3, 9, 8), r"\(3, 9, 8\) .* weight of shape \(3, 9, 8\)"),
        (AttentionSceneMerging(8), (2, 3, 9, 6), r"\(2, 3, 9, 6\) .* weights of shape \(8, 8\)"),
        (AttentionSceneMerging(8), (3, 9, 8), r"not \(3, 9, 8\)"),
        (AverageSceneMerging(), (3, 9, 8), r"not \(3, 9, 8\)"),
        (BipartiteSceneMerging(), (3, 9, 8), r"not \(3, 9, 8\)"),
        (SingleFrameMerging(), (2, 3, 9, 8), r"one frame; .* \(2, 3, 9, 8\)"),
    ],
)
def test_scenes_that_do_not_fit_are_named(merging, shape, message):
    with pytest.raises(ValueError, match=message):
        merging(torch.zeros(shape))


def test_the_factory_names_what_is_wrong():
    with pytest.raises(ValueError, match="method='sum' is unknown; choose one of 'weighted', 'average', 'attention'"):
        build("sum", (1, 3, 4, 8))
    with pytest.raises(ValueError, match="scene_size=3 contradicts method='none'"):
        build("none", (1, 3, 4, 8))
