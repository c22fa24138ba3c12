"""Publishing the web page as a Space: what is written and uploaded, and which model it loads."""

import json
import runpy
import sys
from types import SimpleNamespace

import pytest
import yaml

from fila_video.hub import publish
from fila_video.hub.space_model import GB, find_model, suggest_hardware
from tests.environment import REPOSITORY
from tests.fila_video.serving.web_page import EXAMPLE, MINI, Visitor, running_page
from tests.hub_server import TOKEN, HubRepository


MODEL = {"config.json": b'{"model_type": "fila_video"}', "model.safetensors": b"weights"}
WEB = REPOSITORY / "fila_video" / "serving" / "web"


@pytest.fixture
def hub(near_hub):
    """A Hub with a public model."""
    near_hub.repositories["org/model"] = HubRepository(MODEL)
    return near_hub


def run(*arguments):
    return publish.main(["org/model", "org/page", "--space", *map(str, arguments)], "fila-video publish")


def files_in(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def metadata_of(files):
    return yaml.safe_load(files["README.md"].decode().split("---")[1])


def loaded_by(files, monkeypatch, tmp_path):
    """The model that app.py of a Space loads, and the options."""
    calls = []
    page = SimpleNamespace(run_page=lambda *given, **options: calls.append((*given, options)))
    monkeypatch.setitem(sys.modules, "web.run_page", page)
    (tmp_path / "app.py").write_bytes(files["app.py"])
    runpy.run_path(str(tmp_path / "app.py"))
    (call,) = calls
    return call


def test_the_space_is_uploaded_as_a_dry_run_writes_it(hub, tmp_path, capsys):
    assert run("--dry-run", tmp_path / "out") == 0 and hub.sent == []
    assert run() == 0
    space = hub.repositories["spaces/org/page"]
    assert space.files() == files_in(tmp_path / "out")
    assert space.private and space.sdk == "gradio" and "org/page" not in hub.repositories
    printed = capsys.readouterr().out
    commit = hub.repositories["org/model"].branches["main"]
    assert f"The Space loads org/model at commit {commit}. Its card suggests cpu-basic.\n" in printed
    assert f"{hub.variables['HF_ENDPOINT']}/spaces/org/page is private.\n" in printed
    assert f"Uploaded as commit {space.branches['main']}.\n" in printed and TOKEN not in printed


def test_the_page_is_whole_and_nothing_else_goes_up(hub):
    run()
    files = hub.repositories["spaces/org/page"].files()
    page = {f"web/{path.name}" for path in WEB.iterdir() if path.suffix in (".py", ".js", ".css", ".mp4")}
    assert files.keys() == page | {"app.py", "README.md", "requirements.txt"}
    assert files["web/page.py"] == (WEB / "page.py").read_bytes()
    data = metadata_of(files)
    assert data["sdk"] == "gradio" and data["app_file"] == "app.py" and data["models"] == ["org/model"]


def test_the_model_is_pinned(hub, monkeypatch, tmp_path):
    model = hub.repositories["org/model"]
    first = model.branches["main"]
    run()
    model.commit("main", {**MODEL, "new.py": b""})
    files = hub.repositories["spaces/org/page"].files()
    assert loaded_by(files, monkeypatch, tmp_path) == ("org/model", {"revision": first, "trust_remote_code": True})
    monkeypatch.setenv("FILA_VIDEO_MODEL", "org/other")
    assert loaded_by(files, monkeypatch, tmp_path) == ("org/other", {"revision": None, "trust_remote_code": True})
    monkeypatch.setenv("FILA_VIDEO_REVISION", "v2")
    assert loaded_by(files, monkeypatch, tmp_path) == ("org/other", {"revision": "v2", "trust_remote_code": True})


def test_a_tag_of_the_model_is_pinned_as_its_commit(hub):
    model = hub.repositories["org/model"]
    model.tags["v1"] = first = model.branches["main"]
    model.commit("main", {**MODEL, "new.py": b""})
    assert run("--model-revision", "v1") == 0
    assert f"REVISION = '{first}'" in hub.repositories["spaces/org/page"].files()["app.py"].decode()


def test_a_second_upload_sends_what_has_changed(hub):
    run()
    space = hub.repositories["spaces/org/page"]
    space.commit("main", {**space.files(), "web/old.py": b"", "old.py": b"", "notes.txt": b"of the owner"})
    hub.repositories["org/model"].commit("main", {**MODEL, "new.py": b""})
    hub.sent.clear()
    assert run("--tag", "v2") == 0
    assert hub.sent == ["app.py"]
    assert {"old.py", "web/old.py"}.isdisjoint(space.files()) and "notes.txt" in space.files()
    assert space.tags == {"v2": space.branches["main"]}


def test_a_public_space_is_only_made_on_demand(hub, capsys):
    hub.repositories["org/model"].private = True
    assert run("--public") == 0
    assert not hub.repositories["spaces/org/page"].private
    assert "org/model is private: give the Space a secret HF_TOKEN with a token that may read it." in (
        capsys.readouterr().out
    )
    assert run() == 1
    assert "org/page exists and is public: give --public to upload to it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("num_bytes", "hardware"),
    [(0, "cpu-basic"), (1.4 * GB, "cpu-basic"), (2 * GB, "t4-small"), (16 * GB, "l4x1"), (17 * GB, "l40sx1")],
)
def test_hardware_leaves_memory_for_videos(num_bytes, hardware):
    assert suggest_hardware(num_bytes) == hardware


def test_no_hardware_is_guessed_for_a_huge_model():
    with pytest.raises(ValueError, match=r"The weights have 144 GB: choose the hardware yourself, with --hardware\."):
        suggest_hardware(144 * GB)


def test_hardware_can_be_chosen(hub):
    assert run("--hardware", "zero-a10g") == 0
    assert metadata_of(hub.repositories["spaces/org/page"].files())["suggested_hardware"] == "zero-a10g"


def test_what_is_known_of_a_model(hub):
    model = find_model("org/model")
    assert (model.commit, model.is_private) == (hub.repositories["org/model"].branches["main"], False)
    assert model.weight_bytes == len(b"weights")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["org/none", "org/page"], "org/none is not a model on the Hub, or your token may not read it."),
        (["org/other", "org/page"], "org/other is not a FiLA-Video model."),
        (["org/empty", "org/page"], "org/empty is not a FiLA-Video model."),
        (["org/broken", "org/page"], "org/broken is not a FiLA-Video model."),
        (["org/model", "org/page", "--model-revision", "v9"], "org/model has no revision 'v9' on the Hub."),
        (["org/model", "page"], "'page' names no owner: give OWNER/NAME."),
        (["org/model", "org/page", "--hardware", "abacus"], "Spaces have no hardware 'abacus', only cpu-basic, "),
        (["{tmp_path}", "org/page"], "is a folder. A Space loads its model from the Hub: publish it, and give its id."),
        (["org/model", "org/page", "--dry-run", "{tmp_path}"], "already exists and is not an empty folder."),
    ],
)
def test_what_cannot_be_published_is_one_line(hub, arguments, message, tmp_path, capsys):
    (tmp_path / "file").touch()
    hub.repositories["org/other"] = HubRepository({"config.json": b'{"model_type": "llama"}'})
    hub.repositories["org/empty"] = HubRepository({})
    hub.repositories["org/broken"] = HubRepository({"config.json": b"[]"})
    assert publish.main([*(word.format(tmp_path=tmp_path) for word in arguments), "--space"], "fila-video publish") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fila-video publish: ") and message in line
    assert hub.sent == [] and "spaces/org/page" not in hub.repositories


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--space", "--revision", "trial"], "--revision: a Space runs its branch main."),
        (["--hardware", "t4-small"], "--hardware is for --space"),
        (["--model-revision", "v1"], "--model-revision is for --space"),
    ],
)
def test_options_that_do_not_fit_together(options, message, capsys):
    with pytest.raises(SystemExit) as ended:
        publish.main(["org/model", "org/page", *options], "fila-video publish")
    assert ended.value.code == 2 and message in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.app
@pytest.mark.browser
def test_a_visitor_uses_the_space_that_was_uploaded(hub, browser, app_python, tmp_path):
    """The model comes from the Hub, at the commit that was pinned: what is there now cannot be loaded."""
    hub.repositories["org/model"] = HubRepository({path.name: path.read_bytes() for path in MINI.iterdir()})
    assert run() == 0
    hub.repositories["org/model"].commit("main", {"config.json": json.dumps({"model_type": "fila_video"}).encode()})
    folder = tmp_path / "space"
    for name, content in hub.repositories["spaces/org/page"].files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    with running_page(app_python, tmp_path / "log", "app.py", cwd=folder, variables=hub.variables) as url:
        visitor = Visitor(browser, url)
        visitor.upload(EXAMPLE)
        assert visitor.ask("What is in the last scene?") == "a yellow cross"
        visitor.context.close()
    assert (folder / "huggingface" / "hub" / "models--org--model").is_dir()
