"""The whole recipe, shortened: from nothing to a checkpoint with a card, and going on where it was interrupted."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
import torch
from safetensors.torch import load_file

import mini_fila.run_recipe as running
from configuration_fila import FilaVideoConfig
from evaluation_fila.evaluate import Score
from evaluation_fila.make_data import sample_of
from mini_fila.__main__ import main
from mini_fila.publish import offered_types, write_card
from mini_fila.recipe import LARGE, LAST_STAGE, NUM_FRAMES_OF, ON_FRAMES, ORDER, STAGES, Recipe, data_plans
from mini_fila.run_recipe import run_recipe
from tests.environment import REPOSITORY
from tests.training_fila.conftest import needs_assistant_masks
from training_fila.stage_config import load_stage


@pytest.mark.parametrize("stage", [stage for stage, *_ in ORDER])
def test_every_stage_is_one_of_the_papers(stage):
    """Each file extends the shipped stage that it stands for; only rates, sizes and what its file says differ."""
    given = ["model=m", "output=o", "data.sources=[{path: x}]"]
    loaded = load_stage(STAGES / f"{stage}.yaml", given)
    shipped = {"language": "knowledge_injection", "image_alignment": "alignment"}
    shipped |= {"image_knowledge": "knowledge_injection", "image_questions": "image_instruction"}
    paper = load_stage(shipped.get(stage, "video_instruction"), given)
    trained = {part for part, rate in loaded.learning_rates.items() if rate}
    assert trained <= {part for part, rate in paper.learning_rates.items() if rate}
    assert loaded.schedule == paper.schedule == "cosine"


def test_short_videos_change_on_the_frames_that_are_sampled():
    loaded = load_stage(STAGES / "videos_short.yaml", ["model=m", "output=o", "data.sources=[{path: x}]"])
    frames = (loaded.data.num_frames, loaded.model_options["num_frames"], loaded.model_options["num_scenes"])
    assert frames == (ON_FRAMES.changes_on_frames,) * 3


def test_a_share_shrinks_everything():
    whole, recipe = Recipe(tower_steps=3000, usual_videos=7000), Recipe(tower_steps=3000, usual_videos=7000).scaled(0.1)
    assert (recipe.tower_steps, recipe.usual_videos) == (300, 700)
    assert (recipe.seed, recipe.question_sets) == (whole.seed, whole.question_sets)
    assert Recipe().scaled(1e-9).pictures == 16
    assert LARGE.scaled(1e-9).pictures == 3 * LARGE.batch_size


@pytest.mark.parametrize("recipe", [Recipe(), LARGE], ids=["small", "large"])
def test_videos_have_the_questions_that_the_recipe_wants(recipe):
    """As many as it says, and more of those that are named twice; of short videos no direction is asked."""
    plans = data_plans(recipe)
    assert list(plans) == [name for stage, names in ORDER for name in names if stage.startswith("videos")]
    for name, plan in plans.items():
        assert plan.more_wordings == name.startswith("reworded")
        assert NUM_FRAMES_OF.get(name) == (96 if plan.options.events[1] else None)
        asked = [question.type for number in range(8) for question in sample_of(plan, number)[1]]
        assert len(asked) == 8 * plan.questions_per_video
        assert ("motion" in asked) == ("absent" in asked) == (name != "short")
    usual = replace(plans["usual"], types=None)
    more, all_once = (
        Counter(question.type for number in range(20) for question in sample_of(plan, number)[1])
        for plan in (plans["usual"], usual)
    )
    assert all(more[name] > all_once[name] for name in recipe.named_twice)


def overrides_of(stage, recipe, monkeypatch) -> list[str]:
    """What the recipe gives to the command that trains a stage."""
    commands = []
    monkeypatch.setattr(subprocess, "run", lambda command, **options: commands.append(command))
    records = {"usual": Path("usual/a.jsonl"), "long": Path("long/a.jsonl")}
    running._train(stage, "m", "o", records, recipe)
    (command,) = commands
    assert command[command.index("training_fila") - 1] == "-m"
    return command[command.index("training_fila") + 2 :]


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
    """Names of what was drawn and trained, of a recipe that does neither."""
    found = []
    monkeypatch.setattr(running, "_draw", lambda name, *others: found.append(name) or Path(name))
    monkeypatch.setattr(running, "_start", lambda folder, recipe: folder / "untrained")
    monkeypatch.setattr(running, "_train", lambda stage, *others: found.append(stage))
    return found


def test_what_is_trained_is_neither_drawn_nor_trained_again(tmp_path, done):
    run_recipe(tmp_path, Recipe(), until="language")
    done.clear()
    for stage in ("language", "image_alignment"):
        (tmp_path / stage).mkdir()
        (tmp_path / stage / "trainer_state.json").touch()
    assert run_recipe(tmp_path, Recipe(), until="image_questions") == tmp_path / "image_questions"
    assert set(done) == {"captions", "image_knowledge", "questions", "image_questions"}


def test_a_folder_of_another_recipe_is_left_alone(tmp_path, done, capsys):
    started = ["--output", str(tmp_path / "mini"), "--no-large", "--until", "image_alignment"]
    assert main(started) == 0 and set(done) == {"words", "language", "captions", "image_alignment"}
    done.clear()
    assert main([*started, "--seed", "1"]) == 2
    assert "{'seed': 0}, not of {'seed': 1}" in capsys.readouterr().err and not done
    recipe = tmp_path / "mini" / "recipe.json"
    recipe.write_text(json.dumps({**json.loads(recipe.read_text(encoding="utf-8")), "more_videos": 16}))
    assert main(started) == 2
    assert "{'more_videos': 16}, not of {}" in capsys.readouterr().err and not done
    recipe.write_text(recipe.read_text(encoding="utf-8").replace('"more_videos": 16', '"more_videos": null'))
    assert main(started) == 2
    assert "{'more_videos': None}, not of {}" in capsys.readouterr().err and not done


def test_what_cannot_be_drawn_is_said_before_the_next_stage(tmp_path, done, monkeypatch):
    """Though only a later one needs it."""
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


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_the_large_recipe_needs_a_gpu(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--output", str(tmp_path / "mini"), "--large"])
    assert "--large needs a GPU" in capsys.readouterr().err and not (tmp_path / "mini").exists()


def test_only_what_is_answered_well_is_offered(tmp_path):
    scores = {
        "first": Score(100, 96, 0.1),
        "last": Score(100, 94, 0.1),
        "when": Score(100, 90, 0.1),
        "motion": Score(100, 89, 0.1),
        "all": Score(400, 369, 0.1),
    }
    assert offered_types(scores) == ["first", "when"]
    plain = {"test": {name: vars(score) for name, score in scores.items()}}
    (tmp_path / "scores.json").write_text(json.dumps(plain), encoding="utf-8")
    write_card(tmp_path, 2_800_000)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    offered, withheld = card.split("What it can be asked")[1].split("must not be asked")
    assert "`first`, `when`" in offered and "`last`" not in offered
    assert "`last`, `motion`" in withheld and "| motion | 100 | 0.890 |" in card


def run_command(output: Path, *options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "mini_fila", "--output", str(output), *options]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done


@pytest.mark.slow
@needs_assistant_masks
def test_on_cpus_the_same_recipe_gives_the_same_weights(tmp_path):
    """Bit for bit."""
    for name in ("one", "other"):
        run_command(tmp_path / name, "--no-large", "--share", "0.0001", "--until", LAST_STAGE)
    for stage in ("image_questions", LAST_STAGE):
        one, other = (tmp_path / name / stage / "model.safetensors" for name in ("one", "other"))
        assert one.read_bytes() == other.read_bytes(), stage


@pytest.mark.slow
@needs_assistant_masks
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
