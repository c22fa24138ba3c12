"""One table is run from its command to its plot, and results of different plans are kept apart."""

import json
from dataclasses import asdict

import pytest
from PIL import Image

from fila_video.evaluation.__main__ import main
from fila_video.evaluation.ablations.run_table import STAGE
from fila_video.evaluation.ablations.variants import TABLES
from fila_video.mini.recipe import STAGES
from fila_video.mini.untrained import write_untrained
from fila_video.training.stage_config import load_stage


def test_the_stage_is_that_of_the_small_models_short_videos():
    """Except for its name and for scene merging, which is what the ablations train."""
    given = ["model=m", "output=o", "data.sources=[{path: x}]"]
    ablation, short = (asdict(load_stage(path, given)) for path in (STAGE, STAGES / "videos_short.yaml"))
    assert ablation["learning_rates"].pop("scene_merging") == 1e-3
    assert short["learning_rates"].pop("scene_merging") is None
    assert ablation.pop("name") == "ablation" and short.pop("name") != "ablation"
    assert ablation == short


def test_results_of_a_different_plan_are_refused(tmp_path, capsys):
    mini, output = tmp_path / "mini", tmp_path / "results"
    command = ["ablate", "table1", "--mini", str(mini), "--output", str(output)]
    assert main(command) == 1 and "image_questions holds no checkpoint" in capsys.readouterr().err
    assert not output.exists()
    (mini / "image_questions").mkdir(parents=True)
    (mini / "image_questions" / "config.json").write_text("{}", encoding="utf-8")
    output.mkdir()
    (output / "plan.json").write_text(json.dumps({"start": "elsewhere", "steps": 5, "test_videos": 1}), "utf-8")
    assert main(command) == 1
    assert "'steps': 5" in capsys.readouterr().err
    (output / "plan.json").rename(output / "truth.jsonl")
    assert main(command) == 1 and "contains files that this command did not write" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main([*command, "--seeds", "1"])
    assert "1 is fewer than 2" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.assistant_masks
def test_a_table_from_command_to_plot(tmp_path, capsys):
    mini = tmp_path / "mini"
    write_untrained(mini / "image_questions", seed=0)
    output = tmp_path / "results"
    command = ["ablate", "table1", "--mini", str(mini), "--output", str(output), "--seeds", "2", "--steps", "1"]
    command += ["--test-videos", "1"]
    assert main(command) == 0
    rows = json.loads((output / "table1.json").read_text(encoding="utf-8"))["right"]
    assert list(rows) == [variant.name for variant in TABLES["table1"]]
    assert all(len(shares) == 2 for shares in rows.values())
    assert (output / "table1.md").read_text(encoding="utf-8").strip() in capsys.readouterr().out
    assert Image.open(output / "table1.png").size[0] > 200
    # Trained with these sizes, and saved with them.
    config = json.loads((output / "runs" / "weighted_1" / "config.json").read_text(encoding="utf-8"))
    assert (config["num_frames"], config["num_scenes"], config["scene_size"]) == (24, 8, 3)
