"""The figure of the pipeline is what its script draws, and the files that it names exist."""

import re
import runpy

from tests.docs.documents import DOCUMENTS
from tests.environment import REPOSITORY


SCRIPT = runpy.run_path(str(REPOSITORY / "docs" / "figures" / "pipeline.py"))
PANELS = (*SCRIPT["TOP_ROW"], *SCRIPT["BOTTOM_ROW"])


def test_the_script_draws_the_figure(tmp_path):
    SCRIPT["draw"](tmp_path / "pipeline.svg")
    assert (tmp_path / "pipeline.svg").read_text(encoding="utf-8").count("</g>") > 100
    assert (REPOSITORY / "docs" / "figures" / "pipeline.svg").is_file()


def test_the_files_in_the_figure_exist_and_stand_in_the_readme():
    for title, _, files, *_ in PANELS:
        folder, *names = files.split()
        assert all((REPOSITORY / folder / name).is_file() for name in names), title
        (row,) = [line for line in DOCUMENTS["README.md"].text.splitlines() if line.startswith(f"| {title} |")]
        linked = {path.rpartition("/")[2] for path in re.findall(r"\]\(([^)]+)\)", row)}
        assert set(names) <= linked, title
