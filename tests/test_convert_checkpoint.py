"""The command line: exit status, what a dry run shows, and that an interruption leaves nothing."""

import os
import subprocess
import sys

import pytest
from safetensors import safe_open
from transformers import AutoModelForImageTextToText, pipeline

import fila_video.conversion.convert
from convert_checkpoint import convert_checkpoint, main
from modeling_fila import FilaVideoForConditionalGeneration
from tests.clips import draw_clip
from tests.environment import REPOSITORY
from tests.fila_video.conversion.sources import llava_onevision, write_llava_onevision


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_llava_onevision(tmp_path_factory.mktemp("source") / "llava", llava_onevision())


def test_a_converted_checkpoint_answers_through_the_pipeline(source, tmp_path):
    assert main([str(source), str(tmp_path / "out"), "--num-scenes", "4", "--num-frames", "12", "--no-parity"]) == 0
    pipe = pipeline("video-text-to-text", model=str(tmp_path / "out"))
    clip = draw_clip(tmp_path / "clip.mp4")
    (answer,) = pipe(str(clip), text="What happens?", return_scenes=True, max_new_tokens=4)
    assert isinstance(answer["generated_text"], str) and len(answer["scenes"]) == 4


def test_a_dry_run_prints_every_tensor_and_writes_nothing(source, tmp_path, capsys):
    assert main([str(source), str(tmp_path / "out"), "--dry-run"]) == 0
    printed = capsys.readouterr().out
    with safe_open(source / "model.safetensors", "pt") as file:
        names = list(file.keys())
    assert printed.startswith(f"written, in float32 ({len(names) + 1}):\n") and "Wrote" not in printed
    assert all(f"<-  {name} (model.safetensors)\n" in printed for name in names)
    assert "  model.scene_merging.weight  (3, 9, 32)  <-  initialized here\n" in printed
    assert list(tmp_path.iterdir()) == []


def test_an_untrained_checkpoint_has_no_key_map_and_takes_no_scenes(tmp_path, capsys):
    assert main(["scratch:tiny", str(tmp_path / "out"), "--dry-run"]) == 1
    assert "scratch:tiny is not converted from another checkpoint" in capsys.readouterr().err
    assert main(["scratch:tiny", str(tmp_path / "out"), "--base"]) == 1
    assert "base=True cannot be used with an untrained checkpoint" in capsys.readouterr().err


def test_shards_have_an_index_and_load(source, tmp_path):
    convert_checkpoint(source, tmp_path / "out", max_shard_bytes=200_000, parity=False)
    assert (tmp_path / "out" / "model.safetensors.index.json").is_file()
    model, report = AutoModelForImageTextToText.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert isinstance(model, FilaVideoForConditionalGeneration)
    assert not any(report[name] for name in ("missing_keys", "unexpected_keys", "mismatched_keys"))


@pytest.mark.parametrize("stage", ["write_shards", "measure_parity", "write_model_card"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interruption_leaves_nothing(source, tmp_path, monkeypatch, stage, error):
    def interrupt(*arguments, **options):
        raise error

    monkeypatch.setattr(fila_video.conversion.convert, stage, interrupt)
    with pytest.raises(error):
        main([str(source), str(tmp_path / "out")])
    assert list(tmp_path.iterdir()) == []


def test_a_kill_leaves_nothing(source, tmp_path):
    """The process kills itself while it writes."""
    code = """
import os, runpy, signal, sys
import fila_video.conversion.convert as conversion
conversion.write_model_card = lambda *arguments, **options: os.kill(os.getpid(), signal.SIGTERM)
sys.argv = ["convert_checkpoint.py", *sys.argv[2:]]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
    command = [sys.executable, "-c", code, "-", str(source), str(tmp_path / "out"), "--no-parity"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 128 + 15, done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--max-shard-bytes", "0"], "max_shard_bytes=0 must be at least 1"),
        (["--num-scenes", "0"], "num_scenes=0 must be at least 1"),
        (["--scene-size", "3", "--base"], "scene_size=3 contradicts base=True, which sets it to 1"),
        (["--language-model", "x"], "language_model='x' cannot be used with a LLaVA-OneVision checkpoint"),
    ],
)
def test_options_that_make_no_sense_end_with_1(source, tmp_path, capsys, arguments, message):
    assert main([str(source), str(tmp_path / "out"), *arguments]) == 1
    assert message in capsys.readouterr().err and os.listdir(tmp_path) == []


@pytest.mark.parametrize("arguments", [[], ["--dtype", "float16"]])
def test_without_pytorch_one_line_says_what_to_install(arguments, tmp_path):
    """`-S` hides all packages, as in a fresh clone."""
    command = [sys.executable, "-S", "convert_checkpoint.py", "scratch:tiny", str(tmp_path / "out"), *arguments]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=REPOSITORY, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("convert_checkpoint: No module named 'torch'. ") and "pip install -e ." in line
