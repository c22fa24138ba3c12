"""Ways of merging that fit a model."""

import pytest

from configuration_fila import FilaVideoConfig
from fila_video.common.merging_choice import set_scene_merging


@pytest.mark.parametrize("merging", ["average", "bsm"])
def test_ways_without_weights_fit_every_model_that_merges(merging):
    config = FilaVideoConfig()
    set_scene_merging(config, merging)
    assert config.scene_merging == merging


def test_none_and_the_own_way_change_nothing():
    config = FilaVideoConfig()
    for merging in (None, "weighted"):
        set_scene_merging(config, merging)
    assert config.scene_merging == "weighted"


@pytest.mark.parametrize(("own", "merging"), [("weighted", "attention"), ("weighted", "sum"), ("none", "average")])
def test_others_are_refused_by_name(own, merging):
    with pytest.raises(ValueError, match=f"--scene-merging {merging} does not fit this model.*{own!r}"):
        set_scene_merging(
            FilaVideoConfig(scene_merging=own, scene_selection="uniform"), merging, option="--scene-merging "
        )
