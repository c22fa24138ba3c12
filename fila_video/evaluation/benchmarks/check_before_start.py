"""Finds what a run of many hours would miss half-way: packages, access to data, and room on the disk."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from huggingface_hub import HfApi, try_to_load_from_cache
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

from fila_video.common.hub_errors import connection_errors

from .paper_tasks import Benchmark


LMMS_EVAL = "lmms-eval"
OLDEST = (0, 7, 3)
INSTALL = "pip install 'fila-video[benchmarks]' && pip install --no-deps lmms-eval==0.7.3"


@dataclass(frozen=True)
class DataSet:
    """
    A data set that the benchmarks need.

    Attributes:
        name: Its id on the Hub.
        commit: Its commit; None if the Hub was not asked, because the videos are here.
        is_here: Whether its videos are unpacked already.
        missing_bytes: What has yet to be downloaded and unpacked.
    """

    name: str
    commit: str | None
    is_here: bool
    missing_bytes: int


def check_packages(benchmarks: Sequence[Benchmark]) -> None:
    """
    Raises:
        ImportError: If lmms-eval or a package that a task needs is missing or too old.
    """
    try:
        found = version(LMMS_EVAL)
    except PackageNotFoundError as error:
        raise ImportError(f"The benchmarks need lmms-eval: {INSTALL}") from error
    if tuple(map(int, found.split(".")[:3])) < OLDEST:
        raise ImportError(f"lmms-eval {found} is too old, at least {'.'.join(map(str, OLDEST))} is needed: {INSTALL}")
    needed = {name: benchmark.task for benchmark in benchmarks for name in benchmark.needs}
    if missing := [f"{name} (for {task})" for name, task in needed.items() if find_spec(name) is None]:
        raise ImportError(f"The benchmarks need {', '.join(missing)}: {INSTALL}")


def check_data(benchmarks: Sequence[Benchmark], home: Path) -> list[DataSet]:
    """
    Looks up the data sets of benchmarks.

    Args:
        benchmarks: The benchmarks.
        home: The folder that `HF_HOME` names.

    Raises:
        OSError: If a data set is neither here nor can be downloaded, or if there is too little room. The message names
            all data sets that are missing.
    """
    found, problems = {}, []
    for benchmark in benchmarks:
        if benchmark.data in found:
            continue
        try:
            found[benchmark.data] = _look_up(benchmark, home)
        except GatedRepoError:
            problems.append(
                f"{benchmark.data} (for {benchmark.task}) is open to those who agree to its conditions: do so at "
                f"https://huggingface.co/datasets/{benchmark.data}, and log in with `hf auth login`"
            )
        except RepositoryNotFoundError:
            problems.append(f"{benchmark.data} (for {benchmark.task}) is not on the Hub, or needs `hf auth login`")
        except (HfHubHTTPError, OSError) as error:
            problems.append(f"{benchmark.data} (for {benchmark.task}) is not in {home}, and the Hub says: {error}")
    if problems:
        raise OSError("; ".join(problems))
    needed, free = sum(each.missing_bytes for each in found.values()), shutil.disk_usage(home).free
    if needed > free:
        raise OSError(
            f"The data need {needed / 1e9:.1f} GB more in {home}, where {free / 1e9:.1f} GB are free. HF_HOME names "
            "another folder; fewer --tasks need less."
        )
    return list(found.values())


@connection_errors()
def _look_up(benchmark: Benchmark, home: Path) -> DataSet:
    if (home / benchmark.folder).exists():
        return DataSet(benchmark.data, None, True, 0)
    api = HfApi()
    info = api.dataset_info(benchmark.data, revision=benchmark.revision, files_metadata=True)
    api.auth_check(benchmark.data, repo_type="dataset")
    missing = unpacked = 0
    for file in info.siblings or []:
        size = file.size or 0
        cached = try_to_load_from_cache(benchmark.data, file.rfilename, revision=info.sha, repo_type="dataset")
        missing += 0 if isinstance(cached, str | os.PathLike) else size
        unpacked += 0 if benchmark.is_linked else size  # videos hardly get smaller in archives
    return DataSet(benchmark.data, info.sha, False, missing + unpacked)
