"""A model of another format is converted once, whole or not at all, and after asking."""

import io
import json
import os
import shutil
import sys
import threading
from collections import namedtuple

import pytest
from filelock import FileLock
from huggingface_hub import constants
from transformers import pipeline

import convert_checkpoint
from fila_video.cli import converted_models
from fila_video.cli.converted_models import Source, cache_folder, converted
from tests.fila_video.conversion.sources import llava_onevision, write_llava_onevision


QUESTION = "What is in the first scene?"
FEW = ("--num-frames", "8", "--max-new-tokens", "4")


@pytest.fixture(scope="module")
def llava(tmp_path_factory):
    """The folder of a small LLaVA-OneVision model with random weights."""
    return write_llava_onevision(tmp_path_factory.mktemp("llava") / "onevision", llava_onevision())


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """An empty cache of converted models."""
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "huggingface"))
    return cache_folder()


def models_in(cache):
    return [path for path in cache.iterdir() if not path.name.endswith(".lock")]


def test_a_model_is_converted_on_first_use(fila, clip, llava, cache, tmp_path, monkeypatch):
    first = fila("ask", clip, QUESTION, "--model", llava, "--yes", "--json", *FEW)
    assert first.status == 0 and "small model" not in first.err
    (folder,) = models_in(cache)
    assert f"Converted {llava}. Largest logit difference" in first.err and str(folder) in first.err

    convert_checkpoint.convert_checkpoint(llava, tmp_path / "oracle")
    pipe = pipeline("video-text-to-text", model=str(tmp_path / "oracle"))
    (expected,) = pipe(str(clip), text=QUESTION, return_scenes=True, num_frames=8, max_new_tokens=4)
    (found,) = json.loads(first.out)["answers"]
    assert (found["answer"], found["scenes"]) == (expected["generated_text"], expected["scenes"])

    monkeypatch.setattr(converted_models, "_convert", None)
    second = fila("ask", clip, QUESTION, "--model", llava, "--json", *FEW)
    assert (second.status, second.out, second.err) == (0, first.out, "")


def test_nobody_can_be_asked(fila, clip, llava, cache):
    done = fila("ask", clip, QUESTION, "--model", llava)
    size = (llava / "model.safetensors").stat().st_size
    assert done.status == 2 and not cache.exists()
    assert f"This writes {size / 1000:.0f} kB to {cache}. Add --yes to agree." in done.err


@pytest.mark.parametrize(("answer", "status"), [("n\n", 1), ("", 130)])
def test_the_user_is_asked_and_declines(fila, clip, llava, cache, monkeypatch, answer, status):
    monkeypatch.setattr(converted_models, "_can_ask", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    done = fila("ask", clip, QUESTION, "--model", llava)
    assert (done.status, done.out) == (status, "") and "Convert it now? [Y/n]" in done.err
    assert not cache.exists()


def test_an_interrupted_conversion_leaves_nothing_behind(fila, clip, llava, cache, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("fila_video.conversion.convert.write_shards", interrupt)
        assert fila("ask", clip, QUESTION, "--model", llava, "--yes").status == 130
    assert models_in(cache) == []


def test_a_second_process_waits_and_uses_the_result(llava, cache, monkeypatch, capsys):
    source = Source(str(llava), llava)
    output = cache / source.key()
    cache.mkdir(parents=True)
    is_waited_for = threading.Event()
    monkeypatch.setattr(converted_models, "note", lambda program, text: is_waited_for.set())
    monkeypatch.setattr(converted_models, "_convert", None)
    with FileLock(output.with_name(f".{output.name}.lock")):
        results = []
        waiting = threading.Thread(target=lambda: results.append(converted("program", source, yes=True)))
        waiting.start()
        assert is_waited_for.wait(60)
        output.mkdir()
    waiting.join(60)
    assert results == [output]


def test_too_little_space_is_an_error_before_the_work(llava, cache, monkeypatch):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(1000))
    with pytest.raises(OSError, match=r"has 1 kB of free space, and the model takes \d+ kB"):
        converted("program", Source(str(llava), llava), yes=True)
    assert models_in(cache) == []


def test_a_changed_source_is_converted_anew(llava, tmp_path):
    folder = shutil.copytree(llava, tmp_path / "model")
    keys = [Source("any", folder).key()]
    assert Source("another way to write it", folder).key() == keys[0]
    os.utime(folder / "model.safetensors", (0, 0))
    keys.append(Source("any", folder).key())
    (folder / "config.json").write_text((folder / "config.json").read_text() + " ")
    keys.append(Source("any", folder).key())
    keys += [Source("org/model", folder, commit=commit).key() for commit in ("1" * 40, "2" * 40)]
    assert len(set(keys)) == len(keys)
    assert all(key.startswith("model-") for key in keys[:3]) and keys[3].startswith("org--model-")


@pytest.mark.parametrize(
    ("num_bytes", "expected"),
    [(1, "1 kB"), (12_345, "12 kB"), (1_500_000, "1.5 MB"), (1_790_000_000, "1.8 GB"), (16_100_000_000, "16 GB")],
)
def test_sizes(num_bytes, expected):
    assert converted_models._size(num_bytes) == expected
