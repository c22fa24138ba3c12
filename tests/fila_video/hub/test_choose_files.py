"""Which files of a folder go to the Hub, and which never do."""

import json
import shutil

import pytest

from fila_video.hub.choose_files import choose_files
from tests.environment import REPOSITORY


@pytest.fixture
def folder(tiny, tmp_path):
    return shutil.copytree(tiny, tmp_path / "model")


def test_a_model_is_published_with_all_that_it_needs(folder):
    chosen = choose_files(folder)
    assert {"config.json", "generation_config.json", "processor_config.json", "tokenizer.json"} <= chosen.files.keys()
    assert {"chat_template.jinja", "model.safetensors", "pipeline_fila.py", "reader_http.py"} <= chosen.files.keys()
    assert chosen.left_out == {}
    assert {name: path.name for name, path in chosen.files.items()} == {name: name for name in chosen.files}


def test_links_to_our_code_are_its_files():
    chosen = choose_files(REPOSITORY / "checkpoints" / "fila-video-mini")
    code = {name: path for name, path in chosen.files.items() if name.endswith(".py")}
    assert not any(path.is_symlink() for path in code.values())
    assert {path.parent.name for path in code.values()} == {"modeling_fila", "processing_fila"}
    assert "scores.json" in chosen.files and chosen.left_out == {}


LEFT_OUT = {
    ".git/config": "hidden",
    ".env": "hidden",
    ".eval_results/notes.txt": "hidden",
    ".cache/huggingface/token": "hidden",
    "optimizer.pt": "not a file of a published model",
    "training_args.bin": "not a file of a published model",
    "pytorch_model.bin": "not a file of a published model",
    "checkpoint-100/model.safetensors": "not the weights that are loaded",
    "model-00001-of-00002.safetensors": "not the weights that are loaded",
    "secrets.py": "code that the model does not import",
    "inner/config.json": "not a file of a published model",
}


def test_all_other_files_stay_and_are_listed(folder):
    for name in LEFT_OUT:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x", encoding="utf-8")
    (folder / ".eval_results").mkdir(exist_ok=True)
    (folder / ".eval_results" / "video.yaml").write_text("[]", encoding="utf-8")
    (folder / "LICENSE").write_text("x", encoding="utf-8")
    chosen = choose_files(folder)
    assert chosen.left_out == LEFT_OUT
    assert {".eval_results/video.yaml", "LICENSE"} <= chosen.files.keys()


@pytest.mark.parametrize("name", ["LICENSE", "tokenizer.json", "reader.py", "config.json", "model.safetensors"])
def test_a_link_out_of_the_folder_is_refused(folder, tmp_path, name):
    outside = tmp_path / "outside"
    outside.mkdir()
    if (folder / name).exists():
        shutil.move(folder / name, outside / name)
    else:
        (outside / name).write_text("secret", encoding="utf-8")
    (folder / name).symlink_to(outside / name)
    with pytest.raises(ValueError, match="is a link out of the folder"):
        choose_files(folder)


def test_a_link_of_another_name_to_our_code_is_refused(folder):
    (folder / "reader.py").unlink()
    (folder / "reader.py").symlink_to(REPOSITORY / "processing_fila" / "reader_url.py")
    with pytest.raises(ValueError, match="is a link out of the folder"):
        choose_files(folder)


def test_a_link_to_a_folder_is_refused(folder, tmp_path):
    (folder / ".eval_results").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="is a link to a folder"):
        choose_files(folder)


def test_a_link_to_a_hidden_file_is_refused(folder):
    (folder / ".env").write_text("secret", encoding="utf-8")
    (folder / "LICENSE").symlink_to(".env")
    with pytest.raises(ValueError, match="is a link to the hidden file"):
        choose_files(folder)


def test_a_link_inside_the_folder_is_a_file(folder):
    (folder / "LICENSE").write_text("text", encoding="utf-8")
    (folder / "LICENSE.md").symlink_to("LICENSE")
    assert choose_files(folder).files["LICENSE.md"] == (folder / "LICENSE").resolve()


def test_shards_are_those_of_the_index(folder):
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors").rename(folder / shards["a"])
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}), encoding="utf-8")
    with pytest.raises(ValueError, match="names files that are missing: model-00002-of-00002.safetensors"):
        choose_files(folder)
    (folder / shards["b"]).write_bytes(b"")
    assert set(shards.values()) < choose_files(folder).files.keys()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model.safetensors", "no weights in the format safetensors"),
        ("tokenizer.json", "tokenizer.json not found"),
        ("processor_config.json", "processor_config.json not found"),
        ("reader_http.py", "reader_http.py not found, which its code needs"),
        ("pipeline_fila.py", "pipeline_fila.py not found, which its code needs"),
    ],
)
def test_an_incomplete_model_is_refused(folder, name, message):
    (folder / name).unlink()
    with pytest.raises(ValueError, match=message):
        choose_files(folder)


@pytest.mark.parametrize(
    ("file", "name", "message"),
    [
        ("config.json", "auto_map", "does not name AutoConfig, AutoModel, "),
        ("config.json", "custom_pipelines", "does not name video-text-to-text"),
    ],
)
def test_a_configuration_that_names_no_code_is_refused(folder, file, name, message):
    values = json.loads((folder / file).read_text(encoding="utf-8"))
    del values[name]
    (folder / file).write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        choose_files(folder)
