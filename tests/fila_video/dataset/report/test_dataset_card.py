"""The dataset card: a header that the Hub can read, and text that says how the dataset was made."""

import pytest
import yaml

from fila_video.dataset.report.dataset_card import dataset_card
from fila_video.dataset.report.summary import DatasetSummary


HEADER = {
    "seed": 7,
    "durations": {"name": "exponential", "min_seconds": 300.0, "max_seconds": 1800.0, "mean_seconds": 666.9},
    "sources": "mixed",
    "formats": "any",
}


def card(num_videos: int = 2, *, has_sentence: bool = True, has_questions: bool = True, **durations) -> str:
    summary = DatasetSummary("long", [400.0] * num_videos, [50] * num_videos, [20] * num_videos)
    header = {**HEADER, "durations": {**HEADER["durations"], **durations}}
    options = {"has_sentence": has_sentence, "has_questions": has_questions}
    return dataset_card(summary, header, card_license="apache-2.0", **options)


def header_of(text: str) -> dict:
    return yaml.safe_load(text.split("---\n")[1])


def test_the_header_names_license_size_and_files():
    header = header_of(card())
    assert header["license"] == "apache-2.0" and header["size_categories"] == ["n<1K"]
    assert {config["config_name"]: config["data_files"][0]["path"] for config in header["configs"]} == {
        "captions": "captions.jsonl",
        "questions": "questions.jsonl",
    }


def test_without_questions_there_is_one_configuration():
    text = card(has_questions=False)
    assert [config["config_name"] for config in header_of(text)["configs"]] == ["captions"]
    assert "questions.jsonl" not in text


def test_the_text_says_how_the_dataset_was_made():
    assert "Seed 7; durations exponential with mean 666.9 s, truncated to the range from 300.0 to 1800.0 s" in card()
    assert "durations uniform from 300.0" in card(name="uniform")
    assert "followed by the times of the sampled frames" in card()
    assert "sampled frames)" not in card(has_sentence=False)


@pytest.mark.parametrize(("count", "size"), [(999, "n<1K"), (1000, "1K<n<10K"), (40_000, "10K<n<100K")])
def test_the_size_is_named_as_on_the_hub(count, size):
    assert header_of(card(count))["size_categories"] == [size]
