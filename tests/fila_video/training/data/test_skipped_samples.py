"""Every skipped sample is logged and counted, and too many unreadable samples end the run."""

import logging

import pytest
from transformers import TrainerState

from fila_video.training.data.skipped_samples import SkippedSamples, TooManySkippedError


def sample(name: str, kind: str = "unreadable") -> dict[str, str]:
    return {"id": name, "source": "clips", "kind": kind, "cause": f"{name}.mp4 is broken"}


def test_each_is_logged_by_name_and_cause(caplog):
    skipped = SkippedSamples(limit=0.05)
    with caplog.at_level(logging.WARNING):
        skipped.add([sample("a"), sample("b", "too_long")], num_samples=8)
    assert skipped.counts == {"unreadable": 1, "too_long": 1}
    assert [record.getMessage() for record in caplog.records] == [
        "Skipped sample a of clips: a.mp4 is broken",
        "Skipped sample b of clips: b.mp4 is broken",
    ]


def test_the_limit_ends_the_run_and_does_not_count_dropped_samples():
    skipped = SkippedSamples(limit=0.01)
    skipped.add([sample("a"), sample("b", "too_long"), sample("c", "too_long")], num_samples=4)
    message = r"2 of 8 samples could .*unreadable_limit=0\.01 allows\. The last one, d of clips: d\.mp4"
    with pytest.raises(TooManySkippedError, match=message):
        skipped.add([sample("d")], num_samples=4)


def test_the_limit_is_a_share_of_the_samples_so_far():
    skipped = SkippedSamples(limit=0.1)
    for number in range(1, 1001):
        skipped.add([sample(str(number))] if number % 10 == 0 else [], num_samples=1)
    assert skipped.counts["unreadable"] == 100
    with pytest.raises(TooManySkippedError, match="101 of 1001 samples"):
        skipped.add([sample("1001")], num_samples=1)


def test_a_run_of_skipped_samples_alone_is_an_error():
    skipped = SkippedSamples(limit=0.9)
    skipped.add([sample("a"), sample("b", "too_long")], num_samples=2)
    with pytest.raises(TooManySkippedError, match="No sample could be used.*'unreadable': 1, 'too_long': 1"):
        skipped.on_train_end(None, TrainerState(), None)
    skipped.add([], num_samples=1)
    skipped.on_train_end(None, TrainerState(), None)


def test_the_counts_survive_in_a_checkpoint():
    skipped = SkippedSamples(limit=0.5)
    skipped.add([sample("a")], num_samples=4)
    again = SkippedSamples(limit=0.5)
    again.on_train_begin(None, TrainerState(stateful_callbacks=[skipped]), None)
    assert (again.counts, again.num_samples) == ({"unreadable": 1, "too_long": 0}, 4)
