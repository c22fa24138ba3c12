"""The number of CPUs that this process may use."""

import os


def num_cpus() -> int:
    """Returns the number of CPUs for this process. Containers and job schedulers often grant only some of them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
