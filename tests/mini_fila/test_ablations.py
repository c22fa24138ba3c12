"""The ablations: variants are those of the paper's tables, and one table is run from its command to its picture."""

import json

import pytest
from PIL import Image

from mini_fila.ablate import main
from mini_fila.ablation_report import as_table, mean_and_reach
from mini_fila.untrained import write_untrained
from mini_fila.variants import TABLES
from modeling_fila import FilaVideoConfig
from tests.training_fila.conftest import needs_assistant_masks


def test_every_variant_is_a_configuration():
    for variants in TABLES.values():
        assert len({variant.name for variant in variants}) == len(variants)
        for variant in variants:
            FilaVideoConfig(**{**variant.training, **variant.inference})


def test_table_1_gives_the_base_twice_the_visual_tokens():
    base, fila = TABLES["table1"]
    assert base.training["num_frames"] == 2 * fila.training["num_scenes"]
    assert base.training["scene_merging"] == "none" and fila.training["num_frames"] == 3 * fila.training["num_scenes"]


def test_table_2_differs_in_selection_only():
    assert {variant.run for variant in TABLES["table2"]} == {"weighted"}
    assert len({json.dumps(variant.inference) for variant in TABLES["table2"]}) == 5


def test_intervals_are_students():
    """Of 1, 2 and 3: mean 2, deviation 1, t = 4.303 with two degrees of freedom."""
    mean, reach = mean_and_reach([1.0, 2.0, 3.0])
    assert mean == 2.0 and reach == pytest.approx(4.303 / 3**0.5)
    assert "| a | 50.0 | 50.0 to 50.0 | 50.0, 50.0 | | |" in as_table({"a": [0.5, 0.5]})
    with pytest.raises(ValueError, match="1 seeds"):
        mean_and_reach([0.5])


def test_differences_are_taken_seed_by_seed():
    """Seeds that differ by 20 points, rows that differ by 1, 2 and 3 in them: 2, give or take 4.303 / sqrt(3)."""
    table = as_table({"a": [0.4, 0.5, 0.6], "b": [0.41, 0.52, 0.63]})
    assert table.splitlines()[-1].endswith("| 41.0, 52.0, 63.0 | 2.0 | -0.5 to 4.5 |")


def test_results_of_another_plan_are_not_mixed_in(tmp_path, capsys):
    mini, output = tmp_path / "mini", tmp_path / "results"
    command = ["table1", "--mini", str(mini), "--output", str(output)]
    assert main(command) == 2 and "image_questions holds no checkpoint" in capsys.readouterr().err
    assert not output.exists()
    (mini / "image_questions").mkdir(parents=True)
    (mini / "image_questions" / "config.json").write_text("{}", encoding="utf-8")
    output.mkdir()
    (output / "plan.json").write_text(json.dumps({"start": "elsewhere", "steps": 5, "test_videos": 1}), "utf-8")
    assert main(command) == 2
    assert "'steps': 5" in capsys.readouterr().err
    (output / "plan.json").rename(output / "truth.jsonl")
    assert main(command) == 2 and "something else" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*command, "--seeds", "1"])


@pytest.mark.slow
@needs_assistant_masks
def test_a_table_from_command_to_picture(tmp_path, capsys):
    mini = tmp_path / "mini"
    write_untrained(mini / "image_questions", seed=0)
    output = tmp_path / "results"
    command = ["table1", "--mini", str(mini), "--output", str(output), "--seeds", "2", "--steps", "1"]
    command += ["--test-videos", "1"]
    assert main(command) == 0
    rows = json.loads((output / "table1.json").read_text(encoding="utf-8"))["right"]
    assert list(rows) == [variant.name for variant in TABLES["table1"]]
    assert all(len(shares) == 2 for shares in rows.values())
    assert (output / "table1.md").read_text(encoding="utf-8").strip() in capsys.readouterr().out
    assert Image.open(output / "table1.png").size[0] > 200
    # Trained as said, saved as used.
    config = json.loads((output / "runs" / "weighted_1" / "config.json").read_text(encoding="utf-8"))
    assert (config["num_frames"], config["num_scenes"], config["scene_size"]) == (24, 8, 3)
