"""A pool of clips, and a dataset made from it. Both are made once for all tests of this folder."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from fila_video.dataset.__main__ import main
from tests.fila_video.dataset.coded_clips import draw_pool, write_lines


@dataclass(frozen=True)
class Workshop:
    """A caption file and its clips, with methods that run the commands on them in this process."""

    captions: Path
    clips: Path

    def plan(
        self, output: Path, *, shortest: int = 300, longest: int = 340, num_videos: int = 1, more: str = ""
    ) -> int:
        middle = shortest + (longest - shortest) * 0.3
        durations = f"--min-seconds {shortest} --max-seconds {longest} --mean-seconds {middle}"
        command = f"plan {self.captions} --video-root {self.clips} --output {output} --num-videos {num_videos}"
        return main(f"{command} {durations} --workers 1 {more}".split())

    def join(self, output: Path, more: str = "") -> int:
        return main(f"join {output} --video-root {self.clips} --workers 1 --height 64 --width 96 {more}".split())


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """30 clips of one format, 390 seconds in total."""
    folder = tmp_path_factory.mktemp("workshop")
    lines = draw_pool(folder / "clips", 30)
    return Workshop(write_lines(folder / "captions.jsonl", lines), folder / "clips")


@pytest.fixture(scope="session")
def made(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of two long videos of over five minutes, with questions. Tests must not change it."""
    output = tmp_path_factory.mktemp("made") / "long"
    assert workshop.plan(output, num_videos=2) == 0
    assert workshop.join(output, "--questions 6") == 0
    return output


@pytest.fixture
def copy_of_made(made: Path, tmp_path: Path) -> Callable[[], Path]:
    """Makes a copy of the dataset that a test may change."""
    return lambda: Path(shutil.copytree(made, tmp_path / "long"))


@pytest.fixture
def own_workshop(workshop: Workshop, tmp_path: Path) -> Workshop:
    """A copy of the clips that a test may damage."""
    shutil.copytree(workshop.clips, tmp_path / "clips")
    return Workshop(workshop.captions, tmp_path / "clips")
