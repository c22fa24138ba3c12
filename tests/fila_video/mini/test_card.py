"""The card of the small model says what it can be asked, and how often its answers are correct."""

import json

from fila_video.evaluation.scores import Score
from fila_video.mini.card import offered_types, write_card
from tests.tables import unpadded


def test_only_types_that_are_answered_well_are_offered(tmp_path):
    scores = {
        "first": Score(100, 96, 0.1),
        "last": Score(100, 94, 0.1),
        "when": Score(100, 90, 0.1),
        "motion": Score(100, 89, 0.1),
        "all": Score(400, 369, 0.1),
    }
    assert offered_types(scores) == ["first", "when"]
    plain = {"test": {name: vars(score) for name, score in scores.items()}}
    (tmp_path / "scores.json").write_text(json.dumps(plain), encoding="utf-8")
    write_card(tmp_path, 2_800_000)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    offered, withheld = card.split("## What you can ask")[1].split("A type is offered if")[0].split("Do not ask")
    questions = [
        "- `first`: What is in the first scene?",
        "- `when`: When does the red circle appear?",
        "- `last`: What is in the last scene?",
        "- `motion`: Which way does the red circle move?",
    ]
    assert [line for line in offered.splitlines() if line.startswith("- ")] == questions[:2]
    assert [line for line in withheld.splitlines() if line.startswith("- ")] == questions[2:]
    assert "answers 92 % of 400 held-out questions correctly" in card
    assert "| motion | 100 | 0.890 |" in unpadded(card)
    assert "2.8 million parameters" in card
