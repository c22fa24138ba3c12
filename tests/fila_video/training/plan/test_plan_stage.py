"""`--plan` prints how much memory a stage needs."""

import re

import pytest

from fila_video.conversion.scratch import paper_config
from fila_video.conversion.tokenizer import train_tokenizer
from fila_video.training.__main__ import main
from fila_video.training.plan.plan_stage import plan_stage
from fila_video.training.stage_config import load_stage


def plan(name: str, *overrides: str, gpus=(1, 8)) -> dict[str, list[float]]:
    """Returns the rows of a plan at the paper's size, in GiB."""
    stage = load_stage(name, ["model=m", "data.sources=[{path: a.json}]", *overrides])
    table = plan_stage(stage, num_gpus=gpus, config=paper_config(train_tokenizer()))
    rows = re.findall(r"^\| ([a-z ]*[a-z]) +\| +(.*) \|$", table, flags=re.MULTILINE)
    return {name: [float(size) for size in sizes.split("|")] for name, sizes in rows}


def test_weights_gradients_and_optimizer_at_the_papers_size():
    """8.03 billion parameters of 4 bytes. All but the unused norm are trained, and AdamW keeps two numbers for each."""
    count = 7_615_616_512 + 397_750_000 + 16_980_992 + 2_519_424  # Qwen2-7B, SigLIP's 26 layers, projector, merging
    rows = plan("video_instruction")
    assert rows["parameters"][0] == pytest.approx(count * 4 / 2**30, rel=0.002)
    assert rows["gradients"][0] == pytest.approx(rows["parameters"][0], rel=0.002)
    assert rows["optimizer state"][0] == pytest.approx(2 * rows["gradients"][0], rel=0.002)
    assert rows["parameters"][1] == pytest.approx(rows["parameters"][0] / 8, abs=0.06)
    for place in range(2):
        parts = [sizes[place] for name, sizes in rows.items() if name != "total"]
        assert rows["total"][place] == pytest.approx(sum(parts), abs=0.31)


def test_stage_1_trains_the_projector_alone():
    rows = plan("alignment")
    assert rows["gradients"][0] == pytest.approx(16_980_992 * 4 / 2**30, abs=0.05)


def test_frozen_parts_and_gradient_checkpointing_save_activations():
    kept, recomputed = plan("video_instruction", "gradient_checkpointing=false"), plan("video_instruction")
    assert recomputed["activations"][0] < kept["activations"][0] / 10
    frozen_tower = plan("video_instruction", "gradient_checkpointing=false", "learning_rates.vision_tower=null")
    assert frozen_tower["activations"][0] < kept["activations"][0] / 2


def test_more_frames_need_more():
    usual = plan("video_instruction")["activations"]
    assert plan("video_instruction", "data.num_frames=192")["activations"] > usual
    assert plan("video_instruction", "data.sources.0.num_frames=192")["activations"] > usual
    others = "data.sources=[{path: a.json}, {path: b.json, num_frames: 8}]"
    assert plan("video_instruction", others)["activations"] == usual


def test_the_command_reads_a_checkpoints_configuration(checkpoint, capsys):
    arguments = ["alignment", f"model={checkpoint}", "data.sources=[{path: a.json}]", "--plan", "--gpus", "1", "4"]
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert (
        re.search(r"^\| GiB on each +\| +1 GPU \| +4 GPUs \|$", shown, flags=re.MULTILINE)
        and "multi_modal_projector" in shown
    )


@pytest.mark.parametrize("name", ["alignment", "video_instruction", "ablations/synthetic_9k"])
def test_a_plan_needs_no_data(name, checkpoint, capsys):
    """A shipped stage whose sources have no paths yet."""
    assert main([name, f"model={checkpoint}", "--plan"]) == 0
    assert re.search(r"^\| total +\| .* \|$", capsys.readouterr().out, flags=re.MULTILINE)


def test_fields_may_follow_plan(checkpoint, capsys):
    assert main(["alignment", "--plan", f"model={checkpoint}"]) == 0
    assert "total" in capsys.readouterr().out


def test_a_plan_needs_a_model(tmp_path, capsys):
    assert main(["alignment", "--plan"]) == 1
    assert capsys.readouterr().err == "python -m fila_video.training: alignment: no value for model; add model=VALUE.\n"
    assert main(["alignment", f"model={tmp_path / 'none'}", "--plan"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"python -m fila_video.training: model={tmp_path / 'none'}: there is no such folder")


@pytest.mark.parametrize("arguments", [["alignment", "--plan", "--gpus", "0"], ["alignment", "batch_size"], []])
def test_bad_usage(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "python -m fila_video.training: error: " in capsys.readouterr().err
