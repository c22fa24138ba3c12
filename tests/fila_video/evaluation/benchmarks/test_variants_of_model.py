"""The rows of the ablations that need no training."""

import pytest

from configuration_fila import FilaVideoConfig
from fila_video.evaluation.benchmarks.variants_of_model import AS_IT_IS, Row, ablation_rows


ROW = Row(AS_IT_IS, "model", None, {"timestamps": "none"})


@pytest.mark.parametrize(
    ("ablation", "expected"),
    [
        (
            "table2",
            {
                "uniform": {"scene_selection": "uniform"},
                "bipartite": {"scene_selection": "bsm"},
                "dissimilar": {"scene_selection": "kmeans", "scene_supplement": "dissimilar"},
            },
        ),
        ("table3", {"average": {"scene_merging": "average"}, "bsm": {"scene_merging": "bsm"}}),
        ("frames", {"48 frames": {"num_frames": 48}, "192 frames": {"num_frames": 192}}),
        ("scenes", {"16 scenes": {"num_scenes": 16}, "64 scenes": {"num_scenes": 64}}),
    ],
)
def test_rows_of_the_model_of_the_paper(ablation, expected):
    config = FilaVideoConfig()  # 96 frames, 32 scenes, k-means with similar supplements, weighted
    first, *others = ablation_rows(ablation, ROW, config)
    assert first == ROW
    assert {row.name: row.options for row in others} == {
        name: {"timestamps": "none", **options} for name, options in expected.items()
    }


def test_a_model_that_keeps_all_frames_has_no_scenes_to_change():
    base = FilaVideoConfig(scene_selection="uniform", scene_merging="none")
    with pytest.raises(ValueError, match="keeps all frames"):
        ablation_rows("table2", ROW, base)
    with pytest.raises(ValueError, match="'table9' is not one of the ablations"):
        ablation_rows("table9", ROW, base)
