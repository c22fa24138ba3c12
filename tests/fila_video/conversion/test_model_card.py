"""The card of a converted checkpoint: its sources, their licenses, and what the model is not."""

import pytest
from huggingface_hub import ModelCard

from fila_video.conversion import ConversionError, Parity
from fila_video.conversion.formats.source_files import SourceFiles
from fila_video.conversion.model_card import joint_license, license_of, write_model_card
from tests.models import small_config


APACHE = {"license": "apache-2.0"}
OTHER = {"license": "other", "license_name": "tongyi-qianwen", "license_link": "https://example.org/license"}
PARITY = Parity("its source", {"text": 1e-6, "image": 2e-6, "video": 3e-6})


def source(folder, name=None, card=None):
    folder.mkdir()
    if card is not None:
        (folder / "README.md").write_text(card)
    return SourceFiles(name or str(folder), folder, {}, {})


def card_of(folder, sources, **options):
    values = {"to": "fila-video", "config": small_config(), "training": "Not trained.", "parity": PARITY, **options}
    folder.mkdir()
    write_model_card(folder, sources=sources, **values)
    return ModelCard.load(folder / "README.md")


def test_metadata_are_what_the_hub_reads(tmp_path):
    llava = source(tmp_path / "snapshot", "org/llava", "---\nlicense: apache-2.0\n---\n")
    data = card_of(tmp_path / "out", [llava]).data.to_dict()
    assert data == {
        "library_name": "transformers",
        "pipeline_tag": "video-text-to-text",
        "base_model": ["org/llava"],
        "license": "apache-2.0",
        "tags": ["fila-video", "video", "image-text-to-text", "long-video"],
    }


def test_it_says_plainly_what_it_is_not(tmp_path):
    llava = source(tmp_path / "snapshot", "org/llava", "---\nlicense: apache-2.0\n---\n")
    text = card_of(tmp_path / "out", [llava]).text
    assert (
        "**This is not the model of the paper's authors, who have not published their weights. Not trained.**" in text
    )
    assert "4 scenes of 3 frames each, with kmeans selection and weighted merging" in text
    assert "text 1.0e-06, image 2.0e-06, video 3.0e-06." in text and "`org/llava`: apache-2.0" in text
    base = card_of(tmp_path / "base", [llava], config=small_config(scene_selection="uniform", scene_merging="none"))
    assert "FiLA-Base: it reads 96 frames and does not merge them." in base.text


def test_the_reverse_conversion_has_a_card_of_its_own(tmp_path):
    card = card_of(tmp_path / "out", [source(tmp_path / "in", "org/fila")], to="llava-onevision")
    assert "LlavaOnevisionForConditionalGeneration" in card.text and "fila-video" not in card.data.tags


def test_a_local_folder_is_not_a_base_model_and_its_path_is_not_published(tmp_path):
    card = card_of(tmp_path / "out", [source(tmp_path / "my-llava")])
    assert card.data.base_model is None and card.data.license is None
    assert (
        "`my-llava`: its card does not name a license. Please ask its authors" in card.text
        and str(tmp_path) not in card.content
    )


@pytest.mark.parametrize(
    ("licenses", "expected"),
    [
        ([APACHE], APACHE),
        ([APACHE, APACHE], APACHE),
        ([OTHER], OTHER),
        ([APACHE, OTHER], {"license": "other"}),
        ([APACHE, {}], {}),
        ([{}], {}),
    ],
)
def test_the_license_of_several_sources(licenses, expected):
    assert joint_license(licenses) == expected


def test_licenses_are_read_from_cards(tmp_path):
    lines = "\n".join(f"{name}: {value}" for name, value in OTHER.items())
    assert license_of(source(tmp_path / "other", card=f"---\n{lines}\ntags: [a]\n---\nText")) == OTHER
    assert license_of(source(tmp_path / "none", card="Just text.")) == {}
    with pytest.raises(ConversionError, match="README.md cannot be read"):
        license_of(source(tmp_path / "broken", card="---\nlicense: [\n---\n"))
