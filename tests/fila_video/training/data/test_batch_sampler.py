"""Global batches are full and of one modality, and do not depend on the number of processes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fila_video.training.data.batch_sampler import GlobalBatchSampler


def global_batches(sampler: GlobalBatchSampler, batch_size: int) -> list[list[int]]:
    keys = [key for micro_batch in sampler for key in micro_batch]
    return [[index for _, index in keys[start : start + batch_size]] for start in range(0, len(keys), batch_size)]


datasets = st.lists(
    st.tuples(st.sampled_from(["image", "video", "text"]), st.integers(1, 500)), min_size=8, max_size=120
)


@settings(max_examples=60, deadline=None)
@given(
    data=datasets,
    grouping=st.sampled_from(["modality_and_length", "modality", "random"]),
    epoch=st.integers(0, 3),
    seed=st.integers(0, 5),
)
def test_an_epoch(data, grouping, epoch, seed):
    modalities, lengths = zip(*data, strict=True)
    orders = []
    for micro_batch_size in (1, 2, 4, 8):
        sampler = GlobalBatchSampler(
            modalities, lengths, batch_size=8, micro_batch_size=micro_batch_size, grouping=grouping, seed=seed
        )
        sampler.set_epoch(epoch)
        micro_batches = list(sampler)
        assert len(micro_batches) == len(sampler)
        assert all(len(keys) == micro_batch_size for keys in micro_batches)
        assert all(key_epoch == epoch for keys in micro_batches for key_epoch, _ in keys)
        orders.append(global_batches(sampler, 8))
    assert all(order == orders[0] for order in orders)
    seen = [index for batch in orders[0] for index in batch]
    assert len(seen) == len(set(seen)) == len(data) - len(data) % 8
    assert sampler.num_left_out == len(data) % 8
    if grouping != "random":
        pure = [len({modalities[index] for index in batch}) == 1 for batch in orders[0]]
        whole = sum(modalities.count(modality) // 8 for modality in set(modalities))
        assert all(pure[:whole])


def test_lengths_are_similar_within_a_batch():
    lengths = np.random.default_rng(0).permutation(400)
    sampler = GlobalBatchSampler(["text"] * 400, lengths, batch_size=8, micro_batch_size=8)
    assert all(np.ptp(lengths[batch]) == 7 for batch in global_batches(sampler, 8))


def test_epochs_differ_and_each_can_be_repeated():
    def order(epoch):
        sampler = GlobalBatchSampler(["text"] * 64, range(64), batch_size=8, micro_batch_size=8, seed=3)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert order(0) == order(0)
    assert [index for batch in order(0) for _, index in batch] != [index for batch in order(1) for _, index in batch]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 128, "micro_batch_size": 2}, "10 samples, fewer than batch_size=128"),
        ({"batch_size": 8, "micro_batch_size": 3}, "micro_batch_size=3 does not divide batch_size=8"),
    ],
)
def test_sizes_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        GlobalBatchSampler(["text"] * 10, [1] * 10, **options)
