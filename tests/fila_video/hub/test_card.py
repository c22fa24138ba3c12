"""The card of a published model: metadata, what it keeps of the model's own card, and what it adds."""

import configparser
import json
import re
import shutil

import pytest
import yaml
from huggingface_hub import ModelCard

from fila_video.hub.card import FACTS_BEGIN, complete_card
from fila_video.hub.usage import PACKAGES
from modeling_fila.model_card import USAGE_BEGIN, USAGE_END, write_card
from tests.environment import REPOSITORY
from tests.hub_card_rules import faults_of_card


MINI = REPOSITORY / "checkpoints" / "fila-video-mini"


def card_of(folder, repository="org/name"):
    text = complete_card(folder, repository, [folder / "model.safetensors"])
    assert faults_of_card(text) == []
    return ModelCard(text)


@pytest.fixture
def folder(tiny, tmp_path):
    return shutil.copytree(tiny, tmp_path / "model")


def test_the_card_of_the_small_model():
    card = card_of(MINI)
    data = card.data
    assert (data.pipeline_tag, data.library_name, data.license) == ("video-text-to-text", "transformers", "apache-2.0")
    assert {"fila-video", "synthetic", "image-text-to-text"} <= set(data.tags) and data.language == "en"
    assert card.text.index("# fila-video-mini") < card.text.index(USAGE_BEGIN) < card.text.index("## What you can ask")
    assert card.text.count(USAGE_BEGIN) == card.text.count(USAGE_END) == 1
    assert 'model="org/name"' in card.text and "checkpoints/fila-video-mini" not in card.text
    assert 'text="What is in the first scene?"' in card.text and "samples 48 frames" in card.text
    assert (
        "32 scenes of 3 frames" in card.text
        and "Transformers 5.17 to 5.24." in card.text
        and "stored as BF16" in card.text
    )
    assert "arxiv.org/abs/2504.20384" in card.text and 'revision="..."' in card.text
    results = {result.dataset_split: result.metric_value for result in data.eval_results}
    scores = json.loads((MINI / "scores.json").read_text(encoding="utf-8"))
    assert results == {
        split: round(of_type["all"]["right"] / of_type["all"]["asked"], 4) for split, of_type in scores.items()
    }


def test_publishing_a_published_folder_changes_nothing(folder):
    once = complete_card(folder, "org/name", [folder / "model.safetensors"])
    (folder / "README.md").write_text(once, encoding="utf-8")
    assert complete_card(folder, "org/name", [folder / "model.safetensors"]) == once
    elsewhere = complete_card(folder, "me/other", [folder / "model.safetensors"])
    assert "org/name" not in elsewhere and elsewhere.count(FACTS_BEGIN) == 1


def test_a_card_that_somebody_wrote_stays(folder):
    own = "---\nlicense: mit\nbase_model: org/base\ntags: [film]\ndatasets: [org/data]\nlanguage: [en, de]\n---\n\n"
    own += "# My model\n\nIt knows films.\n\n## Results\n\nNone.\n"
    (folder / "README.md").write_text(own, encoding="utf-8")
    card = card_of(folder)
    assert card.data.license == "mit" and card.data.base_model == "org/base" and card.data.datasets == ["org/data"]
    assert card.data.language == ["en", "de"]
    assert card.data.tags == ["film", "fila-video", "video", "image-text-to-text"]
    places = [card.text.index(part) for part in ("# My model", "It knows films.", USAGE_BEGIN, "## Results\n\nNone.")]
    assert places == sorted(places) and FACTS_BEGIN in card.text


@pytest.mark.parametrize("text", ["Only words.\n", "", "# Title\n", "# Title\n\n```python\nx\n```\n"])
def test_how_to_use_it_stands_after_the_title(folder, text):
    (folder / "README.md").write_text(text, encoding="utf-8")
    found = card_of(folder).text.strip()
    assert found.startswith("# Title" if "Title" in text else USAGE_BEGIN)
    assert text.strip().removeprefix("# Title").strip() in found


def test_a_folder_without_a_card_gets_one(folder):
    (folder / "README.md").unlink()
    card = card_of(folder)
    assert card.text.strip().startswith("# A FiLA-Video model") and card.text.count(USAGE_BEGIN) == 1


def test_a_card_that_cannot_be_read_is_an_error(folder):
    (folder / "README.md").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="is not a readable model card"):
        complete_card(folder, "org/name", [])


def test_the_number_of_parameters(folder):
    from safetensors.numpy import load_file

    number = sum(values.size for values in load_file(folder / "model.safetensors").values())
    assert f"The weights have {number:,} parameters, stored as F32." in card_of(folder).text


def test_a_saved_copy_says_which_model_it_is_from(folder, tmp_path):
    """What `save_pretrained` writes is completed as well: the usage is that of the new model."""
    (folder / "README.md").write_text(complete_card(folder, "org/base", []), encoding="utf-8")
    saved = shutil.copytree(folder, tmp_path / "saved", ignore=shutil.ignore_patterns("README.md"))
    write_card(saved, str(folder))
    card = card_of(saved, "me/tuned")
    assert card.text.strip().startswith("> This card was written when the files were saved")
    assert 'model="me/tuned"' in card.text and 'model="org/base"' not in card.text


def test_the_packages_are_those_of_setup_cfg():
    declared = configparser.ConfigParser()
    declared.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    requires = [line for line in declared["options"]["install_requires"].splitlines() if not line.startswith("#")]
    by_name = {re.match(r"[\w-]+", line)[0]: line for line in requires if line}
    named = [package.strip("'") for package in PACKAGES.split()]
    assert all(package in (by_name[re.match(r"[\w-]+", package)[0]], package.split(">")[0]) for package in named)
    assert {package for package in named if ">" in package} == {by_name["transformers"], by_name["av"]}


def test_the_metadata_are_yaml(folder):
    head = complete_card(folder, "org/name", []).split("---")[1]
    assert yaml.safe_load(head)["pipeline_tag"] == "video-text-to-text"
