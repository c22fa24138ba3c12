"""Running stages: from the file to a checkpoint that answers, past broken samples, and on after a kill."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText, AutoProcessor

from fila_video.training.__main__ import main
from fila_video.training.data.batch_sampler import GlobalBatchSampler
from fila_video.training.data.skipped_samples import TooManySkippedError
from fila_video.training.run import run_stage
from tests.environment import REPOSITORY
from tests.fila_video.training.conftest import record, write_records
from tests.fila_video.training.stages import losses, overrides, small_stage


pytestmark = pytest.mark.assistant_masks


def _seed_with_a_broken_step() -> int:
    """A seed whose first step of four has samples 0 to 3 alone."""
    for seed in range(1000):
        batches = list(
            GlobalBatchSampler(["video"] * 8, [1] * 8, batch_size=4, micro_batch_size=4, grouping="random", seed=seed)
        )
        if {index for _, index in batches[0]} == {0, 1, 2, 3}:
            return seed
    raise AssertionError("no such seed")


@pytest.fixture(scope="module")
def with_a_broken_clip(media):
    names = ["0.mp4", "1.mp4", "broken.mp4", "2.mp4", "3.mp4", "0.mp4", "1.mp4", "2.mp4"]
    records = [record(f"s{n}", "<video>\nWhat?", f"Clip {n}.", video=name) for n, name in enumerate(names)]
    return write_records(media / "with_a_broken_clip.json", records)


def test_stage_4_ends_in_a_checkpoint_for_inference(checkpoint, video_records, tmp_path):
    stage = small_stage("video_instruction", checkpoint, tmp_path / "out", video_records, save_steps=1)
    run_stage(stage)
    model = AutoModelForImageTextToText.from_pretrained(tmp_path / "out")
    assert model.config.scene_selection == "kmeans"  # trained with uniform scenes, used with k-means
    assert AutoProcessor.from_pretrained(tmp_path / "out").num_scenes == 32
    assert AutoModelForImageTextToText.from_pretrained(tmp_path / "out" / "checkpoint-1") is not None
    assert (tmp_path / "out" / "merging_weights.png").stat().st_size > 0
    assert (tmp_path / "out" / "modeling_fila_video.py").is_file()
    with pytest.raises(FileExistsError, match="contains a finished stage"):
        run_stage(stage)


def test_fila_base_keeps_every_frame(checkpoint, video_records, tmp_path):
    stage = small_stage("video_instruction_base", checkpoint, tmp_path / "out", video_records, max_steps=1)
    run_stage(stage)
    model = AutoModelForImageTextToText.from_pretrained(tmp_path / "out")
    assert (model.config.scene_merging, model.config.num_frames) == ("none", 32)
    assert AutoProcessor.from_pretrained(tmp_path / "out").num_scenes is None


def test_a_corrupt_clip_costs_one_logged_skip(checkpoint, with_a_broken_clip, tmp_path, caplog):
    stage = small_stage("video_instruction", checkpoint, tmp_path, with_a_broken_clip, data__grouping="random")
    trainer = run_stage(stage)
    warnings = [entry.getMessage() for entry in caplog.records if "Skipped sample" in entry.getMessage()]
    assert len(warnings) == 1 and "s2" in warnings[0] and "broken.mp4" in warnings[0]
    assert trainer.state.global_step == 2
    logged = [entry for entry in trainer.state.log_history if "loss" in entry]
    assert logged[-1]["skipped/unreadable"] == 1


def test_a_skip_is_counted_once_over_a_resumed_run(checkpoint, with_a_broken_clip, tmp_path):
    changes = {"epochs": 2, "save_steps": 3, "data__grouping": "random"}
    trainer = run_stage(small_stage("video_instruction", checkpoint, tmp_path, with_a_broken_clip, **changes))
    assert trainer.skipped.counts["unreadable"] == 2  # once in each epoch
    (tmp_path / "trainer_state.json").unlink()  # as if killed after the checkpoint of step 3
    (tmp_path / "checkpoint-4" / "trainer_state.json").unlink()
    resumed = run_stage(small_stage("video_instruction", checkpoint, tmp_path, with_a_broken_clip, **changes))
    assert resumed.skipped.counts["unreadable"] == 2


def test_a_step_of_broken_clips_alone_changes_no_weight_to_nonsense(checkpoint, media, tmp_path):
    names = ["broken.mp4"] * 4 + ["0.mp4", "1.mp4", "2.mp4", "3.mp4"]
    records = [record(f"s{n}", "<video>\nWhat?", "Clip.", video=name) for n, name in enumerate(names)]
    path = write_records(media / "half_broken.json", records)
    changes = {"data__grouping": "random", "seed": _seed_with_a_broken_step()}
    trainer = run_stage(small_stage("video_instruction", checkpoint, tmp_path, path, **changes))
    assert 0.0 in losses(trainer) and max(losses(trainer)) > 0
    assert all(parameter.isfinite().all() for parameter in trainer.model.parameters())


def test_too_many_broken_clips_end_the_run(checkpoint, with_a_broken_clip, tmp_path):
    stage = small_stage("video_instruction", checkpoint, tmp_path, with_a_broken_clip, data__unreadable_limit=0)
    with pytest.raises(TooManySkippedError, match=r"unreadable_limit=0.* s2 .*broken\.mp4"):
        run_stage(stage)


@pytest.mark.parametrize("streaming", ["false", "true"])
@pytest.mark.parametrize("good_source", [False, True])
def test_a_source_whose_media_are_not_there_is_an_error_before_training(
    good_source, streaming, checkpoint, video_records, tmp_path, capsys
):
    records = [record(f"s{n}", "<video>\nWhat?", "Clip.", video=f"{n}.mp4") for n in range(64)]
    path = write_records(tmp_path / "elsewhere.json", records)
    sources = (video_records, path) if good_source else (path,)
    changes = {"data__streaming": streaming, "max_steps": 2}
    assert main(["video_instruction", *overrides(checkpoint, tmp_path / "out", *sources, **changes)]) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert "elsewhere.json: none of 16 samples that were tried can be read, with media=null" in error
    assert "sample s15" in error or "sample s63" in error
    assert not (tmp_path / "out").exists()


def test_a_run_in_which_every_sample_is_too_long_is_not_a_success(checkpoint, image_records, tmp_path, capsys):
    changes = {"data__max_length": 3, "data__too_long": "drop"}
    assert main(["alignment", *overrides(checkpoint, tmp_path / "out", image_records, **changes)]) == 1
    assert "No sample could be used" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out" / "trainer_state.json").exists()


def test_streamed_data_train(checkpoint, image_records, video_records, tmp_path):
    changes = {"data__streaming": "true", "data__workers": 1, "max_steps": 2, "batch_size": 2, "micro_batch_size": 1}
    stage = small_stage("video_instruction", checkpoint, tmp_path, image_records, video_records, **changes)
    assert len(losses(run_stage(stage))) == 2


def test_streamed_data_need_a_number_of_steps(checkpoint, image_records, tmp_path):
    with pytest.raises(ValueError, match="data.streaming needs max_steps"):
        run_stage(small_stage("alignment", checkpoint, tmp_path, image_records, data__streaming="true"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 3}, "batch_size=3 cannot be split evenly"),
        ({"batch_size": 64}, "8 samples, fewer than batch_size=64"),
        ({"trainer__seed": 3}, "trainer.seed=3: use the stage's own field instead, seed"),
        ({"data__sources": "[{path: /no/such/file.json}]"}, "/no/such/file.json"),
        ({"data__sources": "[{path: /no/file.json, media: /no/such/folder}]"}, "media=/no/such/folder of the source"),
        ({"model_options__scene_merging": "sum"}, "sum"),
        ({"model_options__num_scene": 3}, "model_options.num_scene=3: FilaVideoConfig has no such field"),
        ({"model_options__num_scenes": "many"}, "Field 'num_scenes' expected int, got str (value: 'many')"),
        ({"trainer__sed": 3}, "trainer.sed=3: transformers.TrainingArguments has no such field"),
        ({"lora": "{rank: 4}", "learning_rates__language_model": 1}, "lora={'rank': 4}: got an unexpected keyword"),
        ({"data__unreadable_limit": 100}, "data.unreadable_limit=100 must be a share in [0, 1)"),
        ({"data__unreadable_limit": 1}, "data.unreadable_limit=1 must be a share in [0, 1)"),
    ],
)
def test_a_stage_that_cannot_be_run_says_why_in_one_line(changes, message, checkpoint, image_records, tmp_path, capsys):
    assert main(["alignment", *overrides(checkpoint, tmp_path / "out", image_records, **changes)]) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert message in error
    assert not (tmp_path / "out" / "checkpoint-1").exists()


def test_what_is_trained_is_shown_before_the_first_step(checkpoint, image_records, tmp_path, capsys):
    assert main(["alignment", *overrides(checkpoint, tmp_path, image_records, max_steps=1)]) == 0
    shown = capsys.readouterr().out
    assert "multi_modal_projector" in shown and "0.001" in shown and shown.count("frozen") == 3
    assert "Batches of 4 samples (1 processes x 2 accumulated x 2), fp32. 8 samples an epoch." in shown
    assert shown.index("frozen") < shown.index("'loss'")


def test_a_killed_run_goes_on_to_the_same_losses(checkpoint, image_records, tmp_path):
    """kill -9 once step 5 is logged; checkpoints are written every 2 steps."""
    changes = {"epochs": 5, "save_steps": 2, "data__workers": 1, "learning_rates__language_model": 1e-3}
    whole = run_stage(small_stage("knowledge_injection", checkpoint, tmp_path / "whole", image_records, **changes))
    arguments = overrides(checkpoint, tmp_path / "killed", image_records, **changes)
    command = [sys.executable, "-m", "fila_video.training", "knowledge_injection", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        num_logged = 0
        while num_logged < 5:
            num_logged += "'loss'" in process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "killed" / "trainer_state.json").exists()
    resumed = run_stage(small_stage("knowledge_injection", checkpoint, tmp_path / "killed", image_records, **changes))
    assert len(losses(whole)) == 10
    assert losses(resumed) == pytest.approx(losses(whole), abs=1e-6)


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        (1e20, "The loss of step 2 is (nan|inf)"),  # the first step leaves weights of 1e20
        (1e39, "After step 1, there are weights that are not finite"),  # more than float32 can hold
    ],
)
def test_a_run_that_diverges_ends_and_leaves_only_finite_weights(
    rate, message, checkpoint, image_records, tmp_path, capsys
):
    changes = {"epochs": 3, "save_steps": 1, "save_total_limit": 1, "max_gradient_norm": 0}
    rates = {"learning_rates": f"{{language_model: {rate}}}"}
    arguments = overrides(checkpoint, tmp_path / "out", image_records, **changes, **rates)
    assert main(["alignment", *arguments]) == 1
    assert re.search(message, capsys.readouterr().err.splitlines()[-1])
    assert not (tmp_path / "out" / "trainer_state.json").exists()
    for weights in (tmp_path / "out").rglob("*.safetensors"):
        assert all(tensor.isfinite().all() for tensor in load_file(weights).values())
    assert (tmp_path / "out" / "checkpoint-1").exists() == (rate == 1e20)


def test_a_model_that_is_broken_from_the_start_is_not_trained(checkpoint, image_records, tmp_path, capsys):
    shutil.copytree(checkpoint, tmp_path / "broken")
    weights = load_file(tmp_path / "broken" / "model.safetensors")
    weights["model.multi_modal_projector.linear_1.bias"][0] = float("nan")
    save_file(weights, tmp_path / "broken" / "model.safetensors", metadata={"format": "pt"})
    assert main(["alignment", *overrides(tmp_path / "broken", tmp_path / "out", image_records, save_steps=1)]) == 1
    assert "The loss of step 1 is nan" in capsys.readouterr().err.splitlines()[-1]
    assert not list((tmp_path / "out").rglob("*.safetensors"))


def test_a_run_resumes_past_a_damaged_checkpoint_to_the_same_losses(checkpoint, image_records, tmp_path, capsys):
    changes = {"epochs": 3, "save_steps": 2, "learning_rates__language_model": 1e-3}
    arguments = overrides(checkpoint, tmp_path, image_records, **changes)
    assert main(["knowledge_injection", *arguments]) == 0
    whole = json.loads((tmp_path / "trainer_state.json").read_text())["log_history"]
    (tmp_path / "trainer_state.json").unlink()
    optimizer = tmp_path / "checkpoint-6" / "optimizer.pt"
    optimizer.write_bytes(optimizer.read_bytes()[: optimizer.stat().st_size // 2])
    assert main(["knowledge_injection", *arguments]) == 0
    assert f"Resumes from {tmp_path / 'checkpoint-4'}, step 4." in capsys.readouterr().out
    resumed = json.loads((tmp_path / "trainer_state.json").read_text())["log_history"]
    expected = [entry["loss"] for entry in whole if "loss" in entry]
    assert [entry["loss"] for entry in resumed if "loss" in entry] == pytest.approx(expected, abs=1e-6)


def test_a_lost_optimizer_state_is_an_error_not_another_training(checkpoint, image_records, tmp_path, capsys):
    arguments = overrides(checkpoint, tmp_path, image_records, save_steps=2)
    assert main(["alignment", *arguments]) == 0
    (tmp_path / "trainer_state.json").unlink()
    (tmp_path / "checkpoint-2" / "optimizer.pt").unlink()
    assert main(["alignment", *arguments]) == 1
    assert "checkpoint-2: the optimizer state is missing" in capsys.readouterr().err.splitlines()[-1]


def test_every_checkpoint_loads_as_remote_code(checkpoint, image_records, tmp_path, run_python):
    run_stage(small_stage("alignment", checkpoint, tmp_path / "out", image_records, max_steps=1, save_steps=1))
    code = """
        import sys
        from transformers import AutoModel, AutoProcessor
        for folder in sys.argv[1:]:
            model = AutoModel.from_pretrained(folder, trust_remote_code=True)
            processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
            print(type(model).__module__, type(processor).__name__)
    """
    lines = run_python(code, tmp_path / "out", tmp_path / "out" / "checkpoint-1").split()
    assert lines[1::2] == ["FilaVideoProcessor"] * 2
    assert all(name.startswith("transformers_modules.") for name in lines[::2])


def test_the_log_is_for_tensorboard(checkpoint, image_records, tmp_path):
    stage = small_stage("alignment", checkpoint, tmp_path, image_records, trainer__report_to="tensorboard")
    run_stage(stage)
    files = list(tmp_path.rglob("events.out.tfevents.*"))
    assert files
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = EventAccumulator(str(files[0])).Reload()
    names = {"train/loss", "train/loss/image", "train/learning_rate/multi_modal_projector", "train/tokens_per_second"}
    assert names <= set(log.Tags()["scalars"])
    saved = json.loads((tmp_path / "trainer_state.json").read_text())["log_history"]
    assert [scalar.value for scalar in log.Scalars("train/loss")] == pytest.approx(
        [entry["loss"] for entry in saved if "loss" in entry]
    )
