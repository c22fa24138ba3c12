"""The notebooks run from the first cell to the last."""

import json

import pytest

from tests.environment import REPOSITORY


@pytest.mark.slow
@pytest.mark.assistant_masks
def test_fine_tuning_teaches_a_new_question(tmp_path, monkeypatch):
    """The loss falls, more answers about new clips are right, and the model is pushed with its processor."""
    notebook = REPOSITORY / "notebooks" / "fine_tune.ipynb"
    pushed = []
    for name in ("modeling_fila.model_card", "processing_fila.processor_card"):
        monkeypatch.setattr(
            f"{name}.ModelCardMixin.push_to_hub", lambda self, repo: pushed.append((type(self).__name__, repo))
        )
    monkeypatch.chdir(notebook.parent)
    monkeypatch.setenv("FILA_NOTEBOOK_FOLDER", str(tmp_path))
    names: dict = {}
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]).replace("PUSH_TO = None", "PUSH_TO = 'me/mine'"), names)
    assert not set(names["clips"]) & set(names["new_clips"]) and len(names["new_clips"]) == 16
    assert names["losses"][-1] < names["losses"][0]
    assert names["right_after"] >= names["right_before"] + 4, (names["right_before"], names["right_after"])
    assert pushed == [("FilaVideoForConditionalGeneration", "me/mine"), ("FilaVideoProcessor", "me/mine")]


def test_the_notebook_that_trains_holds_no_outputs():
    cells = json.loads((REPOSITORY / "notebooks" / "fine_tune.ipynb").read_text(encoding="utf-8"))["cells"]
    assert not [cell for cell in cells if cell.get("outputs")]
