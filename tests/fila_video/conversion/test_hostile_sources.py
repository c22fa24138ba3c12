"""Sources that somebody else made to do harm: no code of theirs survives, and no value costs more than one line."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from convert_checkpoint import convert_checkpoint, main
from fila_video.conversion import ConversionError
from tests.environment import REPOSITORY
from tests.fila_video.conversion.sources import (
    LLAVA_NEXT_CONFIG,
    llava_onevision,
    write_llava_next,
    write_llava_onevision,
)


CODE = {
    "auto_map": {"AutoTokenizer": ["evil/repo--code.Tokenizer", None], "AutoModel": "evil/repo--code.Model"},
    "custom_pipelines": {"video-text-to-text": {"impl": "evil/repo--pipeline.Pipeline"}},
    "custom_generate": "evil/repo",
    "_auto_class": "AutoEvil",
}
NAMES = ("config.json", "tokenizer_config.json", "generation_config.json", "processor_config.json")


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    return write_llava_onevision(tmp_path_factory.mktemp("clean") / "source", llava_onevision())


@pytest.fixture
def source(clean, tmp_path):
    return shutil.copytree(clean, tmp_path / "in" / "source")


def change(path, **values):
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**content, **values}))


def code_named_in(folder):
    """Collects every value of a key that names code, from all JSON files, with plain recursion."""

    def walk(value, place):
        if isinstance(value, dict):
            for key, item in value.items():
                if key in CODE:
                    yield f"{place}.{key}", item
                else:
                    yield from walk(item, f"{place}.{key}")
        if isinstance(value, list):
            for item in value:
                yield from walk(item, place)

    return dict(pair for path in folder.glob("*.json") for pair in walk(json.loads(path.read_text()), path.name))


@pytest.mark.parametrize("options", [{}, {"to": "llava-onevision"}], ids=["FiLA-Video", "LLaVA-OneVision"])
def test_nothing_that_names_code_survives(clean, source, tmp_path, options):
    if options:
        convert_checkpoint(clean, tmp_path / "fila", parity=False)
        clean, source = tmp_path / "fila", shutil.copytree(tmp_path / "fila", tmp_path / "changed")
    for name in NAMES:
        change(source / name, **CODE, nested=[{"deep": CODE}])
    config = json.loads((source / "config.json").read_text())
    config["text_config"] |= CODE
    config["vision_config"] |= CODE
    (source / "config.json").write_text(json.dumps(config))
    convert_checkpoint(clean, tmp_path / "from_clean", parity=False, **options)
    convert_checkpoint(source, tmp_path / "from_hostile", parity=False, **options)
    found = code_named_in(tmp_path / "from_hostile")
    assert found == code_named_in(tmp_path / "from_clean")
    assert "evil" not in json.dumps(found) and bool(found) != bool(options)
    for path in (tmp_path / "from_hostile").iterdir():
        assert b"evil" not in path.read_bytes(), path.name


def test_code_in_the_source_is_neither_run_nor_copied(source, tmp_path):
    (source / "harm.py").write_text("open('harm_done', 'w')\nclass Tokenizer: pass\n")
    change(source / "tokenizer_config.json", auto_map={"AutoTokenizer": ["harm.Tokenizer", "harm.Tokenizer"]})
    convert_checkpoint(source, tmp_path / "out", parity=False)
    assert not (tmp_path / "out" / "harm.py").exists() and not os.path.exists("harm_done")


# ----------------------------------------------------------------------------------------- odd values, each one line


@pytest.fixture
def fails(source, tmp_path, capsys):
    """Converts the source in the command line, checks the single line of the error, and returns it."""

    def convert(*arguments):
        assert main([str(source), str(tmp_path / "out" / "made"), *arguments]) == 1
        assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []
        lines = capsys.readouterr().err.splitlines()
        assert str(source) in lines[-1] and not any("Traceback" in line for line in lines)
        return lines[-1]

    return convert


def test_a_token_id_of_fifty_millions(source, fails):
    tokenizer = json.loads((source / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["extra"] = 50_000_000
    (source / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert "the id 50000000" in fails("--no-parity")


@pytest.mark.parametrize(
    "values",
    [
        {"text_config": []},
        {"text_config": {"model_type": "qwen2", "num_attention_heads": 0}},
        {"vision_config": {"model_type": "siglip_vision_model", "patch_size": "four"}},
        {"vision_config": {"model_type": "siglip_vision_model", "patch_size": 0}},
        {"vision_feature_layer": {"a": 1}},
        {"text_config": {"model_type": "qwen2", "hidden_size": -5}},
        {"projector_hidden_act": "no such function"},
        {"model_type": ["llava_onevision"]},
    ],
    ids=str,
)
def test_wrong_values_in_the_configuration(source, fails, values):
    change(source / "config.json", **values)
    fails()


@pytest.mark.parametrize("field", ["num_hidden_layers", "num_labels"])
def test_counts_that_would_fill_the_memory(source, fails, field):
    change(source / "config.json", text_config={"model_type": "qwen2", field: 10**10})
    assert f"{field}=10000000000" in fails()


def test_a_quantized_configuration(source, fails):
    change(source / "config.json", quantization_config={"quant_method": "bitsandbytes", "load_in_8bit": True})
    assert "bitsandbytes" in fails()


def test_deeply_nested_json_and_an_index_of_lists(source, fails):
    whole = (source / "config.json").read_text()
    (source / "config.json").write_text('{"a":' * 100_000 + "1" + "}" * 100_000)
    assert "config.json is not JSON" in fails()
    (source / "config.json").write_text(whole)
    (source / "model.safetensors.index.json").write_text('{"weight_map": {"image_newline": [1]}}')
    fails()


@pytest.mark.parametrize("license", ["[mit, apache-2.0]", "{a: 1}", "7"])
def test_a_license_that_is_not_a_text_is_an_error_before_the_work(source, fails, license):
    (source / "README.md").write_text(f"---\nlicense: {license}\n---\n")
    assert "license=" in fails("--dry-run")


@pytest.mark.parametrize("name", ["model.safetensors", "special_tokens_map.json", "README.md"])
def test_a_pipe_is_refused_and_does_not_wait(source, fails, name):
    (source / name).unlink(missing_ok=True)
    os.mkfifo(source / name)
    assert f"{name} is not a regular file" in fails()


def test_a_range_of_tiles_without_end(tmp_path):
    folder = write_llava_next(tmp_path / "next", llava_onevision(), image_grid_pinpoints="(1x1),...,(99999x99999)")
    with pytest.raises(ConversionError, match="more than 10000 grids"):
        convert_checkpoint(folder, tmp_path / "out")
    assert LLAVA_NEXT_CONFIG["image_grid_pinpoints"] != "(1x1),...,(99999x99999)"


# ------------------------------------------------------------------------------------------------------------- killed

KILLED = """
import sys, time
from fila_video.conversion.checkpoint_folder import unfinished_folder
with unfinished_folder(sys.argv[1]) as folder:
    (folder / "half").write_text("x")
    print("ready", flush=True)
    time.sleep(600)
"""


def test_what_a_killed_process_left_is_removed_and_that_of_a_living_one_is_not(tmp_path):
    from fila_video.conversion.checkpoint_folder import unfinished_folder

    output = tmp_path / "out [1]"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(output)], stdout=subprocess.PIPE, cwd=REPOSITORY, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    (left,) = tmp_path.iterdir()
    with pytest.raises(KeyboardInterrupt), unfinished_folder(output):
        assert left.exists()
        raise KeyboardInterrupt
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert list(tmp_path.iterdir()) == [left]
    with unfinished_folder(output) as folder:
        (folder / "whole").write_text("x")
    assert list(tmp_path.iterdir()) == [output]
