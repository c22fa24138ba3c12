"""The notebooks that keep their pictures: they run in Jupyter, and what they keep is what they show."""

import json
import sys

import pytest

from tests.environment import REPOSITORY


NOTEBOOKS = ("quick_start", "choose_scenes", "many_videos")


def outputs_of(cells: list[dict]) -> list[dict]:
    return [output for cell in cells for output in cell.get("outputs", [])]


def kinds_of(outputs: list[dict]) -> list[str]:
    """What each output is: text, a picture, a table, ..."""
    return [kind for output in outputs for kind in sorted(output.get("data", {output["output_type"]: None}))]


def texts_of(outputs: list[dict]) -> list[str]:
    return ["".join(output.get("text", "")) for output in outputs]


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_runs_without_a_warning_and_shows_what_it_keeps(name, monkeypatch):
    """Texts are compared, and the kinds of everything else: a picture may differ in its last bits."""
    monkeypatch.syspath_prepend(REPOSITORY / "notebooks")
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    import run as notebook_runner

    path = REPOSITORY / "notebooks" / f"{name}.ipynb"
    kept = outputs_of(json.loads(path.read_text(encoding="utf-8"))["cells"])
    shown = outputs_of(notebook_runner.run(path)["cells"])
    assert [output for output in shown if output.get("name") == "stderr"] == []
    assert kinds_of(shown) == kinds_of(kept)
    assert texts_of(shown) == texts_of(kept)
    sys.modules.pop("run")


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_what_it_keeps_is_complete_and_small(name):
    path = REPOSITORY / "notebooks" / f"{name}.ipynb"
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    kinds = kinds_of(outputs_of(cells))
    assert any(kind.startswith("image/") or kind == "text/html" for kind in kinds)
    assert "error" not in kinds
    assert path.stat().st_size < 3 * 2**19
    assert str(REPOSITORY) not in path.read_text(encoding="utf-8")
