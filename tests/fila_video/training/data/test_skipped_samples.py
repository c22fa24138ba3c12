"""Every skipped sample is logged and counted, and too many unreadable samples end the run."""

import logging

import pytest
from transformers import TrainerState

from fila_video.training.data.skipped_samples import SkippedSamples, TooManyUnreadableError


def sample(name: str, kind: str = "unreadable") -> dict[str, str]:
    return {"id": name, "source": "clips", "kind": kind, "cause": f"{name}.mp4 is broken"}


def test_each_is_logged_by_name_and_cause(caplog):
    skipped = SkippedSamples(limit=5)
    with caplog.at_level(logging.WARNING):
        skipped.add([sample("a"), sample("b", "too_long")])
    assert skipped.counts == {"unreadable": 1, "too_long": 1}
    assert [record.getMessage() for record in caplog.records] == [
        "Skipped sample a of clips: a.mp4 is broken",
        "Skipped sample b of clips: b.mp4 is broken",
    ]


def test_the_limit_ends_the_run_and_does_not_count_dropped_samples():
    skipped = SkippedSamples(limit=1)
    skipped.add([sample("a"), sample("b", "too_long"), sample("c", "too_long")])
    message = r"2 samples could .*unreadable_limit=1\. The last one, d of clips: d\.mp4"
    with pytest.raises(TooManyUnreadableError, match=message):
        skipped.add([sample("d")])


def test_the_counts_survive_in_a_checkpoint():
    skipped = SkippedSamples(limit=3)
    skipped.add([sample("a")])
    again = SkippedSamples(limit=3)
    again.on_train_begin(None, TrainerState(stateful_callbacks=[skipped]), None)
    assert again.counts == {"unreadable": 1, "too_long": 0}
