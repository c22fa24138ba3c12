"""The recipe is run: shortened from nothing to a checkpoint with a card, and continued where it was interrupted."""

import json
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest
from safetensors.torch import load_file

import fila_video.mini.run_recipe as running
from configuration_fila import FilaVideoConfig
from fila_video.mini.__main__ import main
from fila_video.mini.recipe import LARGE, LAST_STAGE, STAGES, Recipe
from fila_video.mini.run_recipe import run_recipe
from fila_video.training.stage_config import load_stage
from tests.environment import REPOSITORY


def overrides_of(stage, recipe, monkeypatch) -> list[str]:
    """The overrides that the recipe gives to the command that trains a stage."""
    commands = []
    monkeypatch.setattr(subprocess, "run", lambda command, **options: commands.append(command))
    records = {"usual": Path("usual/a.jsonl"), "long": Path("long/a.jsonl")}
    running._train(stage, "m", "o", records, recipe)
    (command,) = commands
    assert command[command.index("fila_video.training") - 1] == "-m"
    return command[command.index("fila_video.training") + 2 :]


def test_longer_videos_have_more_frames(monkeypatch):
    loaded = load_stage(STAGES / "videos.yaml", overrides_of("videos", Recipe(), monkeypatch))
    assert loaded.data.num_frames == 48
    assert [(source.name, source.num_frames) for source in loaded.data.sources] == [("usual", None), ("long", 96)]
    assert loaded.trainer["use_cpu"] is True


def test_on_a_gpu_batches_are_larger_and_the_finished_model_is_the_same(monkeypatch):
    given = ["model=m", "output=o", "data.sources=[{path: x}]"]
    here = load_stage(STAGES / "videos.yaml", given)
    there = load_stage(STAGES / "videos.yaml", overrides_of("videos", LARGE, monkeypatch))
    assert there.batch_size == there.micro_batch_size == 2 * here.batch_size
    assert there.learning_rates["language_model"] == pytest.approx(2 ** (1 / 3) * here.learning_rates["language_model"])
    assert there.learning_rates["vision_tower"] is None and there.trainer["use_cpu"] is False
    changed = there.model_options.keys() - here.model_options.keys()
    assert changed == {"frames_per_chunk", "kmeans_max_iterations"}
    assert {name: there.inference_options[name] for name in changed} == {
        name: getattr(FilaVideoConfig(), name) for name in changed
    }


@pytest.fixture
def done(monkeypatch) -> list[str]:
    """Names of the data sets and stages, in place of drawing and training them."""
    found = []
    monkeypatch.setattr(running, "_draw", lambda name, *others: found.append(name) or Path(name))
    monkeypatch.setattr(running, "_start", lambda folder, recipe: folder / "untrained")
    monkeypatch.setattr(running, "_train", lambda stage, *others: found.append(stage))
    return found


def test_a_trained_stage_is_neither_drawn_nor_trained_again(tmp_path, done):
    run_recipe(tmp_path, Recipe(), until="language")
    done.clear()
    for stage in ("language", "image_alignment"):
        (tmp_path / stage).mkdir()
        (tmp_path / stage / "trainer_state.json").touch()
    assert run_recipe(tmp_path, Recipe(), until="image_questions") == tmp_path / "image_questions"
    assert set(done) == {"captions", "image_knowledge", "questions", "image_questions"}


def test_the_folder_of_a_different_recipe_is_left_alone(tmp_path, done, capsys):
    started = ["--output", str(tmp_path / "mini"), "--no-large", "--until", "image_alignment"]
    assert main(started) == 0 and set(done) == {"words", "language", "captions", "image_alignment"}
    done.clear()
    assert main([*started, "--seed", "1"]) == 1
    assert "{'seed': 0}, not of {'seed': 1}" in capsys.readouterr().err and not done
    recipe = tmp_path / "mini" / "recipe.json"
    recipe.write_text(json.dumps({**json.loads(recipe.read_text(encoding="utf-8")), "more_videos": 16}))
    assert main(started) == 1
    assert "{'more_videos': 16}, not of {}" in capsys.readouterr().err and not done
    recipe.write_text(recipe.read_text(encoding="utf-8").replace('"more_videos": 16', '"more_videos": null'))
    assert main(started) == 1
    assert "{'more_videos': None}, not of {}" in capsys.readouterr().err and not done


def test_an_error_of_drawing_is_raised_before_the_next_stage(tmp_path, done, monkeypatch):
    """Even if only a later stage needs the data."""
    is_training, has_failed = Event(), Event()

    def draw(name, *others):
        if name == "short":
            is_training.wait(10)
            raise OSError("the disk is full")
        if name == "uneven":  # drawn after it
            has_failed.set()
        return Path(name)

    def train(stage, *others):
        done.append(stage)
        is_training.set()
        has_failed.wait(10)

    monkeypatch.setattr(running, "_draw", draw)
    monkeypatch.setattr(running, "_train", train)
    with pytest.raises(OSError, match="the disk is full"):
        run_recipe(tmp_path / "mini", Recipe())
    assert done == ["language"]


@pytest.mark.no_gpu
def test_the_large_recipe_needs_a_gpu(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--output", str(tmp_path / "mini"), "--large"])
    assert "--large needs a GPU" in capsys.readouterr().err and not (tmp_path / "mini").exists()


def run_command(output: Path, *options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "fila_video.mini", "--output", str(output), *options]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done


@pytest.mark.slow
@pytest.mark.timeout(1800)  # two runs of the recipe, each with many processes
@pytest.mark.assistant_masks
def test_on_cpus_the_same_recipe_gives_the_same_weights(tmp_path):
    """Bit for bit."""
    for name in ("one", "other"):
        run_command(tmp_path / name, "--no-large", "--share", "0.0001", "--until", LAST_STAGE)
    for stage in ("image_questions", LAST_STAGE):
        one, other = (tmp_path / name / stage / "model.safetensors" for name in ("one", "other"))
        assert one.read_bytes() == other.read_bytes(), stage


@pytest.mark.slow
@pytest.mark.assistant_masks
def test_the_recipe_from_nothing(tmp_path):
    run_command(tmp_path / "mini", "--share", "0.003")
    shipped = tmp_path / "mini" / "fila-video-mini"
    weights = load_file(shipped / "model.safetensors")
    assert sum(tensor.nbytes for tensor in weights.values()) < 16e6
    scores = json.loads((shipped / "scores.json").read_text(encoding="utf-8"))
    assert set(scores) == {"test", "test_combinations", "test_wordings"}
    assert (shipped / "modeling_fila_video.py").is_file()
    before = (tmp_path / "mini" / LAST_STAGE / "model.safetensors").read_bytes()
    assert "Stage " not in run_command(tmp_path / "mini", "--share", "0.003").stdout
    assert (tmp_path / "mini" / LAST_STAGE / "model.safetensors").read_bytes() == before
