"""Uploading to a Hub on this machine: what is sent, what is not sent again, who may see it."""

import hashlib
from dataclasses import replace

import pytest

from fila_video.hub.upload import upload


CARD = "---\nlicense: apache-2.0\npipeline_tag: video-text-to-text\n---\n\n# A model\n"


@pytest.fixture
def folder(tmp_path):
    """What is uploaded: huggingface_hub reads no model, so it need not be one."""
    return fill(
        tmp_path / "staged",
        {
            "README.md": CARD,
            "config.json": "{}",
            "model-1.safetensors": "first weights",
            "model-2.safetensors": "second weights",
            ".eval_results/video.yaml": "[]",
        },
    )


@pytest.fixture
def hub(near_hub):
    return near_hub


def fill(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def sha(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def run(folder, **options):
    return upload(folder, "org/model", **options)


def on_the_hub(hub, revision="main"):
    return {name: content.decode() for name, content in hub.repositories["org/model"].files(revision).items()}


def test_the_folder_is_uploaded_and_private(hub, folder):
    done = run(folder)
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert on_the_hub(hub) == {name: path.read_text(encoding="utf-8") for name, path in files.items()}
    repository = hub.repositories["org/model"]
    assert repository.private and done.is_private and done.was_changed
    assert done.commit == repository.branches["main"] and done.url.endswith("/org/model")


def test_a_second_upload_sends_only_what_changed(hub, folder):
    first = run(folder)
    hub.sent.clear()
    again = run(folder)
    assert hub.sent == [] and again == replace(first, was_changed=False)
    fill(folder, {"config.json": '{"changed": 1}', "model-2.safetensors": "other weights"})
    changed = run(folder, tag="v2")
    assert sorted(hub.sent) == sorted([sha(folder / "model-2.safetensors"), "config.json"])
    repository = hub.repositories["org/model"]
    assert repository.tags == {"v2": changed.commit} and changed.was_changed
    assert on_the_hub(hub, first.commit)["config.json"] == "{}"
    assert on_the_hub(hub, "v2")["model-2.safetensors"] == "other weights"


def test_an_interrupted_upload_continues(hub, folder):
    """One of two large files arrives, the other one is cut. No commit is made, and what arrived is not sent again."""
    hub.refused = {sha(folder / "model-2.safetensors")}
    with pytest.raises(OSError, match="(?s)model-2.safetensors.*The same command continues the upload"):
        run(folder)
    assert hub.sent in ([], [sha(folder / "model-1.safetensors")])  # they are sent at the same time
    assert on_the_hub(hub) == {}
    arrived = set(hub.sent)
    hub.sent.clear()
    hub.refused.clear()
    run(folder)
    large = {sha(folder / f"model-{number}.safetensors") for number in (1, 2)}
    assert set(hub.sent) & large == large - arrived
    assert on_the_hub(hub)["model-2.safetensors"] == "second weights"


def test_files_of_the_model_that_are_gone_are_deleted_and_others_stay(hub, folder):
    fill(folder, {"old[1].py": "x", "notes.txt": "x"})
    run(folder)
    (folder / "notes.txt").unlink()
    (folder / "old[1].py").unlink()
    (folder / "model-2.safetensors").unlink()
    assert sorted(run(folder).deleted) == ["model-2.safetensors", "old[1].py"]
    left = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert on_the_hub(hub).keys() == left | {"notes.txt"}


def test_a_branch_leaves_main_as_it_is(hub, folder):
    run(folder)
    fill(folder, {"config.json": '{"changed": 1}'})
    done = run(folder, revision="trial")
    repository = hub.repositories["org/model"]
    assert repository.branches["trial"] == done.commit != repository.branches["main"]
    assert on_the_hub(hub)["config.json"] == "{}" and on_the_hub(hub, "trial")["config.json"] == '{"changed": 1}'


def test_a_public_model_is_not_changed_by_accident(hub, folder):
    assert not run(folder, is_public=True).is_private
    assert not hub.repositories["org/model"].private
    hub.sent.clear()
    with pytest.raises(ValueError, match="org/model exists and is public: give --public to upload to it"):
        run(folder)
    assert hub.sent == []
    assert run(folder, is_public=True).was_changed is False


def test_a_tag_is_not_moved(hub, folder):
    run(folder, tag="v1")
    fill(folder, {"config.json": '{"changed": 1}'})
    with pytest.raises(ValueError, match="org/model has the tag 'v1' already"):
        run(folder, tag="v1")
    assert on_the_hub(hub)["config.json"] == "{}"


def test_a_card_that_the_hub_refuses_is_not_uploaded(hub, folder):
    fill(folder, {"README.md": CARD.replace("apache-2.0", "made-up")})
    with pytest.raises(ValueError, match="The Hub does not take the model card: .*license.* is not valid"):
        run(folder)
    assert hub.sent == []


def test_without_a_token_nothing_is_uploaded(hub, folder, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(OSError, match="401"):
        run(folder)
    assert hub.sent == [] and hub.repositories == {}
