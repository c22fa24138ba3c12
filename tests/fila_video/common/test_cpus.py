"""The number of CPUs follows what the process may use."""

import os

from fila_video.common.cpus import num_cpus


def test_the_number_is_positive_and_at_most_that_of_the_machine():
    assert 1 <= num_cpus() <= (os.cpu_count() or 1)


def test_a_process_that_is_limited_to_some_cpus_counts_those(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3, 5}, raising=False)
    assert num_cpus() == 2


def test_systems_without_affinity_count_the_cpus_of_the_machine(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert num_cpus() == 1
