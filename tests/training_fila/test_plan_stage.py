"""`--plan`: a table of what a stage needs, before anything is trained."""

import re

import pytest

from conversion_fila.scratch import paper_config
from conversion_fila.tokenizer import train_tokenizer
from training_fila.__main__ import main
from training_fila.plan_stage import plan_stage
from training_fila.stage_config import load_stage


def plan(name: str, *overrides: str, gpus=(1, 8)) -> dict[str, list[float]]:
    """The rows of a plan at the paper's size, in GiB."""
    stage = load_stage(name, ["model=m", "data.sources=[{path: a.json}]", *overrides])
    table = plan_stage(stage, num_gpus=gpus, config=paper_config(train_tokenizer()))
    rows = re.findall(r"^\| ([a-z ]+) \| (.*) \|$", table, flags=re.MULTILINE)
    return {name: [float(size) for size in sizes.split("|")] for name, sizes in rows}


def test_weights_gradients_and_optimiser_at_the_papers_size():
    """8.03 billion parameters of 4 bytes; all but the unused norm are trained, AdamW keeps two numbers of each."""
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
    assert "| GiB on each | 1 GPU | 4 GPUs |" in shown and "multi_modal_projector" in shown
