"""The command: what it writes, what it prints, and what it refuses to publish."""

import json
import shutil
from importlib.metadata import version
from pathlib import Path

import pytest

from fila_video.hub import check_folder, publish
from fila_video.hub.__main__ import main
from fila_video.hub.choose_files import choose_files
from fila_video.hub.stage_folder import stage_folder
from tests.environment import REPOSITORY


MINI = REPOSITORY / "checkpoints" / "fila-video-mini"


def files_in(folder):
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not path.is_dir()}


@pytest.mark.parametrize("links", [False, True])
def test_the_staged_folder_is_what_is_published(tmp_path, links):
    stage_folder(MINI, tmp_path, "org/name", links=links)
    found = files_in(tmp_path)
    assert found.keys() == choose_files(MINI).files.keys() | {"README.md", "requirements.txt", "handler.py"}
    assert not any(path.is_symlink() for path in found.values())
    same = [name for name, path in found.items() if (MINI / name).is_file() and name != "README.md"]
    assert all((MINI / name).read_bytes() == found[name].read_bytes() for name in same) and len(same) > 60
    lines = found["requirements.txt"].read_text(encoding="utf-8").splitlines()
    assert f"transformers=={version('transformers')}" in lines and not any("+" in line for line in lines)


@pytest.mark.parametrize(
    ("text", "is_valid"),
    [
        ("- dataset: {id: org/videos, task_id: default}\n  value: 0.5\n", True),
        ("- value: 0.5\n", False),
        ("[", False),
        ("7", False),
    ],
)
def test_results_of_benchmarks_are_checked(tiny, tmp_path, text, is_valid):
    folder = shutil.copytree(tiny, tmp_path / "model")
    (folder / ".eval_results").mkdir()
    (folder / ".eval_results" / "videos.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "out").mkdir()
    if is_valid:
        stage_folder(folder, tmp_path / "out", "org/name")
        assert (tmp_path / "out" / ".eval_results" / "videos.yaml").read_text(encoding="utf-8") == text
    else:
        with pytest.raises(ValueError, match="does not hold results of benchmarks as the Hub reads them"):
            stage_folder(folder, tmp_path / "out", "org/name")


def test_a_token_is_not_published(tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "model")
    values = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    (folder / "tokenizer_config.json").write_text(json.dumps({**values, "token": "hf_" + 34 * "a"}), encoding="utf-8")
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueError, match="tokenizer_config.json holds what looks like a token of the Hub"):
        stage_folder(folder, tmp_path / "out", "org/name")


@pytest.fixture
def answered(monkeypatch):
    """The folders that would have been checked, which takes a while."""
    checked = []

    def check(folder):
        checked.append(sorted(files_in(folder)))
        return {"generated_text": "a red circle", "scenes": []}

    monkeypatch.setattr(check_folder, "check_folder", check)
    return checked


def test_a_dry_run_writes_the_folder_and_uploads_nothing(answered, tmp_path, capsys, tiny):
    folder = shutil.copytree(tiny, tmp_path / "model")
    (folder / "optimizer.pt").write_bytes(b"x")
    assert main(["publish", str(folder), "org/name", "--dry-run", str(tmp_path / "out")]) == 0
    assert answered == [sorted(files_in(tmp_path / "out"))]
    assert capsys.readouterr().out.splitlines() == [
        "left out: optimizer.pt (not a file of a published model)",
        "Without this package, the folder answers 'a red circle' about a drawn video.",
        f"Wrote {tmp_path / 'out'}, which is what would be uploaded to org/name.",
    ]


def test_a_folder_that_does_not_work_is_not_published(monkeypatch, tmp_path, capsys):
    def fail(folder):
        raise ValueError("it does not work")

    monkeypatch.setattr(check_folder, "check_folder", fail)
    assert main(["publish", str(MINI), "org/name", "--dry-run", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err == "python -m fila_video.hub publish: it does not work\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["{folder}", "org/name"], ["org/model", "org/page", "--space"]])
def test_a_hub_that_cannot_be_reached_is_one_line(answered, unreachable_hub, arguments, capsys, tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "model")
    assert publish.main([argument.format(folder=folder) for argument in arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{unreachable_hub} cannot be reached: " in line
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{folder}", "name"], "'name' names no owner: give OWNER/NAME."),
        (["{folder}", "a/b/c"], "Repo id must be in the form"),
        (["missing", "org/name"], "missing is not a folder."),
        (["{folder}", "org/name", "--dry-run", "{folder}"], "already exists and is not an empty folder."),
    ],
)
def test_what_cannot_be_published_is_one_line(answered, arguments, message, capsys, tiny):
    given = [argument.format(folder=tiny) for argument in arguments]
    assert publish.main([*given, "--dry-run", "out"] if "--dry-run" not in given else given, "fila-video publish") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fila-video publish: ") and message in line
    assert answered == [] and not Path("out").exists()


def test_a_folder_that_is_missing_is_named(capsys):
    assert publish.main(["org/model", "org/name"], "fila-video publish") == 1
    assert capsys.readouterr().err == "fila-video publish: org/model is not a folder.\n"


@pytest.mark.slow
@pytest.mark.sanitizing
def test_a_python_without_this_package_answers(tmp_path):
    """And leaves nothing in the folder."""
    stage_folder(MINI, tmp_path, "org/name")
    before = sorted(files_in(tmp_path))
    answer = check_folder.check_folder(tmp_path)
    assert answer["generated_text"].split()[0] == "a" and answer["scenes"][0]["representative_seconds"] == 0.0
    assert sorted(files_in(tmp_path)) == before


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["weights", "import of this package", "code"])
def test_what_does_not_work_elsewhere_is_found(tmp_path, fault):
    stage_folder(MINI, tmp_path, "org/name")
    if fault == "weights":
        (tmp_path / "model.safetensors").write_bytes(b"x")
    elif fault == "code":
        (tmp_path / "kmeans.py").unlink()
    else:
        path = tmp_path / "timestamps.py"
        path.write_text("import processing_fila\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(ValueError, match="does not work where this package is not installed"):
        check_folder.check_folder(tmp_path)


def test_the_check_hides_every_module_of_this_package():
    shipped = {path.stem for path in REPOSITORY.glob("*.py")} | {"fila_video", "modeling_fila", "processing_fila"}
    assert set(check_folder.OWN_MODULES) == shipped


def test_the_check_gets_no_token(monkeypatch, tmp_path):
    seen = {}

    def run(command, **options):
        seen.update(options["env"])
        raise OSError

    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("HUGGING_FACE_HUB_TOKEN", "hf_secret")
    monkeypatch.setattr(check_folder.subprocess, "run", run)
    with pytest.raises(OSError):
        check_folder.check_folder(tmp_path)
    assert "hf_secret" not in json.dumps(seen) and seen["HF_HUB_OFFLINE"] == "1"
