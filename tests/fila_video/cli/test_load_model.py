"""The model that the options of a command ask for."""

import pytest

from fila_video.cli.load_model import load_pipeline
from fila_video.cli.options import ModelOptions
from modeling_fila.scene_merging import AverageSceneMerging, BipartiteSceneMerging


@pytest.mark.parametrize(("name", "kind"), [("average", AverageSceneMerging), ("bsm", BipartiteSceneMerging)])
def test_another_way_of_merging_reaches_the_model(name, kind):
    pipe = load_pipeline("fila-video ask", ModelOptions(device="cpu"), scene_merging=name)
    assert pipe.model.config.scene_merging == name
    assert type(pipe.model.model.scene_merging) is kind
