"""The figures are what their scripts draw, and the files that they name exist."""

import re
import runpy

import numpy as np
from PIL import Image

from tests.docs.documents import DOCUMENTS
from tests.environment import REPOSITORY


SCRIPT = runpy.run_path(str(REPOSITORY / "docs" / "figures" / "pipeline_drawing.py"))
PANELS = (*SCRIPT["TOP_ROW"], *SCRIPT["BOTTOM_ROW"])


def test_the_script_draws_the_figure(tmp_path):
    SCRIPT["draw"](tmp_path / "pipeline.svg")
    assert (tmp_path / "pipeline.svg").read_text(encoding="utf-8").count("</g>") > 100
    assert (REPOSITORY / "docs" / "figures" / "pipeline.svg").is_file()


def test_the_pictures_of_scenes_are_what_their_script_draws(tmp_path, capsys):
    """Pillow and FFmpeg may differ from one version to the next, so the pictures are similar, not equal."""
    folder = REPOSITORY / "docs" / "figures"
    runpy.run_path(str(folder / "scenes.py"))["draw"](tmp_path)
    for name in ("contact_sheet.png", "timeline.png"):
        drawn, kept = (np.asarray(Image.open(path / name).convert("RGB"), dtype=float) for path in (tmp_path, folder))
        assert drawn.shape == kept.shape
        assert np.abs(drawn - kept).mean() < 5, f"{name} has changed: run python docs/figures/scenes.py"
    for line in capsys.readouterr().out.splitlines():
        name, _, counts = line.partition(": ")
        assert " ".join(counts.split()[:4]) in DOCUMENTS["docs/scenes.md"].text, line


def test_the_files_in_the_figure_exist_and_stand_in_the_readme():
    for title, _, files, *_ in PANELS:
        folder, *names = files.split()
        assert all((REPOSITORY / folder / name).is_file() for name in names), title
        (row,) = [line for line in DOCUMENTS["README.md"].text.splitlines() if line.startswith(f"| {title} |")]
        linked = {path.rpartition("/")[2] for path in re.findall(r"\]\(([^)]+)\)", row)}
        assert set(names) <= linked, title
