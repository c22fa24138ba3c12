"""Whatever is saved or pushed has a model card that keeps license and base model, and says where it comes from."""

import json

import pytest
import torch
from huggingface_hub import ModelCard
from transformers import pipeline

import fila_video  # noqa: F401 (registers the classes)
from convert_checkpoint import convert_checkpoint
from tests.environment import REPOSITORY
from tests.hub_server import serve_hub
from tests.models import small_model


TASK = "video-text-to-text"
CARD = """---
license: other
license_name: some-license
license_link: https://example.org/license
base_model: org/grandparent
language: en
tags:
- film
model-index:
- name: base
  results:
  - task: {type: video-text-to-text}
    dataset: {type: held-out, name: Held out}
    metrics:
    - {type: accuracy, value: 94}
---

# The base

It answers 94 % of the questions.
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A checkpoint with a card that somebody has written."""
    folder = tmp_path_factory.mktemp("card") / "base"
    convert_checkpoint("scratch:tiny", folder)
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    return folder


def parts_of(folder):
    pipe = pipeline(TASK, model=str(folder))
    return {"model": pipe.model, "processor": pipe.processor, "pipeline": pipe}


def check_card(text, *, base_model):
    card = ModelCard(text)
    assert card.data.license == "other" and card.data.license_name == "some-license"
    assert card.data.license_link == "https://example.org/license" and card.data.language == "en"
    assert card.data.base_model == base_model
    assert card.data.library_name == "transformers" and card.data.pipeline_tag == TASK
    assert card.data.eval_results is None and "model-index" not in text
    assert "# The base\n\nIt answers 94 % of the questions." in card.text
    note = card.text.strip().splitlines()[:3]
    assert all(line.startswith("> ") for line in note) and "the weights may have changed" in " ".join(note)
    assert card.text.count("This card was written when the files were saved") == 1


@pytest.mark.parametrize("part", ["model", "processor", "pipeline"])
def test_a_save_keeps_license_and_base_model(base, tmp_path, part):
    parts_of(base)[part].save_pretrained(tmp_path / "saved")
    text = (tmp_path / "saved" / "README.md").read_text(encoding="utf-8")
    check_card(text, base_model="org/grandparent")
    assert str(base) not in text  # where it lies on this machine is nobody else's business


def test_saving_again_adds_nothing(base, tmp_path):
    parts_of(base)["pipeline"].save_pretrained(tmp_path / "first")
    parts_of(tmp_path / "first")["pipeline"].save_pretrained(tmp_path / "second")
    cards = [(tmp_path / name / "README.md").read_text(encoding="utf-8") for name in ("first", "second")]
    assert cards[0] == cards[1]


def test_a_pipeline_with_a_dtype_can_be_saved(base, tmp_path):
    """transformers hands the dtype to the tokenizer as well."""
    pipeline(TASK, model=str(base), dtype=torch.float32).save_pretrained(tmp_path)
    assert "dtype" not in json.loads((tmp_path / "tokenizer_config.json").read_text(encoding="utf-8"))


def test_a_card_that_is_there_stays(base, tmp_path):
    (tmp_path / "README.md").write_text("my own", encoding="utf-8")
    parts_of(base)["pipeline"].save_pretrained(tmp_path)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "my own"


def test_a_new_model_has_no_license_and_no_base(tmp_path, monkeypatch):
    monkeypatch.chdir(REPOSITORY)  # where there is a README.md, of something else
    small_model().save_pretrained(tmp_path)
    card = ModelCard.load(tmp_path / "README.md")
    assert (
        card.data.license is None
        and card.data.base_model is None
        and card.data.tags == ["fila-video", "video", "image-text-to-text"]
    )
    assert card.text.strip().startswith("# A FiLA-Video model")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"---\nlicense: [\n---\ntext", b"---\n- a list\n---\ntext"])
def test_a_card_that_cannot_be_read_is_left_out(base, tmp_path, content):
    loaded = parts_of(base)["processor"]
    kept = (base / "README.md").read_bytes()
    (base / "README.md").write_bytes(content)
    try:
        loaded.save_pretrained(tmp_path)
    finally:
        (base / "README.md").write_bytes(kept)
    assert ModelCard.load(tmp_path / "README.md").data.license is None


def test_the_two_files_are_one():
    files = ("modeling_fila/model_card.py", "processing_fila/processor_card.py")
    assert len({(REPOSITORY / file).read_bytes() for file in files}) == 1


PUSH = """
import json
import sys

from transformers import pipeline

pipe = pipeline("video-text-to-text", model="org/base", trust_remote_code=True)
parts = {"model": pipe.model, "processor": pipe.processor, "pipeline": pipe}
for name, part in parts.items():
    part.push_to_hub(f"org/{name}", tags=["mine"], private=True, commit_message="First")
    part.push_to_hub(f"org/{name}-reviewed")
pipe.save_pretrained(sys.argv[1], push_to_hub=True, repo_id="org/saved")
again = pipeline("video-text-to-text", model="org/pipeline", trust_remote_code=True)
print(json.dumps(type(again.model).__module__.split(".")[1:3]))
"""


@pytest.mark.parametrize("environment", ["public", "floor"])
def test_a_push_keeps_license_and_base_model(run_python, base, tmp_path, environment):
    """By remote code and a Hub id. A repository that has a card keeps it."""
    parts = ("model", "processor", "pipeline")
    repositories = {"org/base": {path.name: path.read_bytes() for path in base.iterdir()}}
    repositories |= {f"org/{name}-reviewed": {"README.md": b"---\nlicense: mit\n---\nmy own"} for name in parts}
    with serve_hub(repositories) as variables:
        printed = run_python(PUSH, str(tmp_path / "saved"), environment=environment, env=variables)
    assert json.loads(printed.splitlines()[-1])[-1] == "pipeline"
    for name in (*parts, "saved"):
        text = repositories[f"org/{name}"]["README.md"].decode()
        check_card(text, base_model="org/base")
        assert ModelCard(text).data.tags == (["film", "mine"] if name in parts else ["film"])
        assert "[org/base](https://huggingface.co/org/base)" in text
    for name in parts:
        assert repositories[f"org/{name}-reviewed"]["README.md"] == b"---\nlicense: mit\n---\nmy own"
        files = set(repositories[f"org/{name}"])
        assert ("model.safetensors" in files) == (name != "processor")
        assert ("processor_config.json" in files) == (name != "model")
        assert files == set(repositories[f"org/{name}-reviewed"]) and not any("/" in file for file in files)
