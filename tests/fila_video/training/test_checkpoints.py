"""The checkpoint from which a killed run resumes."""

import json

import pytest
import torch
from safetensors.torch import save_file

from fila_video.training.checkpoints import resume_point, steps_done


def write(output, step: int, *, weight: float = 1.0, without: str | None = None):
    """Writes a checkpoint as the Trainer does, with one weight."""
    folder = output / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    save_file({"weight": torch.full((1000,), weight)}, folder / "model.safetensors")
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
        torch.save({"state": torch.arange(1000.0) + step}, folder / name)
    (folder / "trainer_state.json").write_text(json.dumps({"global_step": step}), encoding="utf-8")
    if without is not None:
        (folder / without).unlink()
    return folder


def cut(path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def empty(path) -> None:
    path.write_bytes(b"")


def flip_a_bit(path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def zero_the_middle(path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:1500] + bytes(1000) + content[2500:])


def test_the_newest_checkpoint_by_number_not_by_name(tmp_path):
    write(tmp_path, 9)
    assert resume_point(tmp_path) == tmp_path / "checkpoint-9"
    assert resume_point(tmp_path) != write(tmp_path, 10)
    assert resume_point(tmp_path) == tmp_path / "checkpoint-10"


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("optimizer.pt", cut),
        ("optimizer.pt", empty),
        ("optimizer.pt", flip_a_bit),
        ("optimizer.pt", zero_the_middle),
        ("scheduler.pt", cut),
        ("rng_state.pth", empty),
        ("model.safetensors", cut),
        ("trainer_state.json", cut),
    ],
)
def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_it_is_used(name, damage, tmp_path, caplog):
    write(tmp_path, 5)
    damage(write(tmp_path, 10) / name)
    assert resume_point(tmp_path) == tmp_path / "checkpoint-5"
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["checkpoint-5", "damaged-checkpoint-10"]
    (warning,) = [record.getMessage() for record in caplog.records]
    assert "checkpoint-10 is not whole" in warning and name in warning


@pytest.mark.parametrize("name", ["optimizer.pt", "scheduler.pt", "model.safetensors"])
def test_a_checkpoint_with_a_missing_part_is_not_whole(name, tmp_path):
    write(tmp_path, 5)
    write(tmp_path, 10, without=name)
    assert resume_point(tmp_path) == tmp_path / "checkpoint-5"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_not_trained_on(value, tmp_path):
    write(tmp_path, 5)
    write(tmp_path, 10, weight=value)
    assert resume_point(tmp_path) == tmp_path / "checkpoint-5"


def test_a_missing_file_of_sharded_weights_is_damage(tmp_path):
    write(tmp_path, 5)
    index = {"weight_map": {"weight": "model.safetensors", "other": "model-2.safetensors"}}
    (write(tmp_path, 10) / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    assert resume_point(tmp_path) == tmp_path / "checkpoint-5"


def test_damage_without_an_older_checkpoint_is_an_error_that_names_it(tmp_path):
    write(tmp_path, 10, without="optimizer.pt")
    with pytest.raises(ValueError, match="checkpoint-10: the optimizer state is missing.* Restore one, or remove them"):
        resume_point(tmp_path)
    assert [folder.name for folder in tmp_path.iterdir()] == ["checkpoint-10"]


def test_a_run_that_was_killed_in_its_first_checkpoint_starts_again(tmp_path):
    write(tmp_path, 10, without="trainer_state.json")
    assert resume_point(tmp_path) is None


def test_nothing_there(tmp_path):
    assert resume_point(tmp_path / "none") is None
    assert steps_done(tmp_path) is None
