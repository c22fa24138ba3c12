"""The model card of the small model: what it can be asked, and how often it answers correctly."""

import textwrap
from pathlib import Path

from huggingface_hub import ModelCardData

from fila_video.evaluation.scores import SCORES_FILE, Score, as_table, load_scores
from fila_video.world.wordings import wordings_of
from modeling_fila.model_card import DEFAULTS, usage

from .architecture import NUM_SCENES


# The share of correct answers that a type of question needs to be offered. It is higher for questions that need only
# one scene, and lower for those for which the model has to find the right scene among several.
BARS = {
    **dict.fromkeys(("existence", "first", "last", "count_scenes", "colour", "shape", "background"), 0.95),
    **dict.fromkeys(("at_second", "when", "before", "after", "caption"), 0.90),
}
OTHER_BAR = 0.90
WIDTH = 100
# What stands in the questions that the card shows.
EXAMPLE = {
    "a": "a red circle",
    "the": "the red circle",
    "other": "the blue square",
    "colour": "red",
    "shape": "circle",
    "seconds": "5.0",
}
ABSENT = "absent"
CARD = """
# fila-video-mini

A [FiLA-Video](https://arxiv.org/abs/2504.20384) model with {parameters:.1f} million parameters, trained from nothing
on drawn videos: colored shapes that move over textured backgrounds, 64 x 64 pixels, 4 to 96 seconds, one to five scenes
and sometimes short events. Its purpose is that everything around the model can be tried, tested and inspected on a
laptop.

**It has never seen anything else.** Its answers about a video from a camera mean nothing. The scenes that it selects
are meaningful for any video.

{usage}

## What you can ask

The model answers these types of questions well enough (`docs/world.md` in the repository explains the types):

{offered}

Do not ask these types:

{withheld}

{bars}

The questions are examples: other colors, shapes and times may stand in them, and the model knows several wordings of
each. It reads only the British spelling "colour". It was not trained on any other question, such as "What happens?",
and answers those with something that is not an answer.

## How often its answers are correct

The model answers {percent:.0f} % of {asked:,} held-out questions correctly. All questions are about held-out videos and
were asked through the pipeline. "n" is the number of questions, "right" the share of correct answers. "Chance" is the
share of correct answers of the best guess that is the same for every video.

{tables}

## How it was made

With the recipe in `fila_video/mini/` of the repository (`docs/mini.md` says how exactly these weights were made). First
the vision tower learns to recognize what is in a frame, and the language model learns the words. Then follow the stages
of the paper, the last of which trains on videos. The model samples 48 frames, k-means selects {scenes} scenes of three
frames, and each scene becomes one visual token, preceded by its time. To see short events in videos of half a minute or
more, the model needs more frames: `num_frames=96`.
"""
TITLES = {
    "test": "Videos and questions like those of the training:",
    "test_combinations": "Videos with a combination of color, shape and background that no training video has:",
    "test_wordings": "Questions in wordings that no training question has:",
}


def offered_types(scores: dict[str, Score]) -> list[str]:
    """The types of questions that the model answers well enough to be offered."""
    return [name for name, score in scores.items() if name != "all" and score.share >= BARS.get(name, OTHER_BAR)]


def write_card(folder: Path, num_parameters: int) -> None:
    """
    Writes `README.md` from the scores in the folder of a checkpoint.

    Args:
        folder: Folder of the checkpoint.
        num_parameters: Number of parameters of the model.
    """
    scores = load_scores(folder / SCORES_FILE)
    offered = offered_types(scores["test"])
    withheld = [name for name in scores["test"] if name not in (*offered, "all")]
    data = ModelCardData(
        **{**DEFAULTS, "tags": [*DEFAULTS["tags"], "synthetic"]},
        license="apache-2.0",
        language="en",
    )
    body = CARD.format(
        usage=usage("checkpoints/fila-video-mini", "What is in the first scene?"),
        parameters=num_parameters / 1e6,
        scenes=NUM_SCENES,
        offered=_examples(offered),
        withheld=_examples(withheld),
        bars=_wrapped(_bars_in_words()),
        percent=100 * scores["test"]["all"].share,
        asked=scores["test"]["all"].asked,
        tables="\n\n".join(f"{TITLES[split]}\n\n{as_table(of_type)}" for split, of_type in scores.items()),
    )
    (folder / "README.md").write_text(f"---\n{data.to_yaml()}\n---\n{body}", encoding="utf-8")


def _examples(names: list[str]) -> str:
    """A list of the types, each with a question in words."""
    examples = {name: wordings_of(name)[0].format(**EXAMPLE) for name in names}
    if ABSENT in examples:
        examples[ABSENT] += " (of an object that is not in the video)"
    return "\n".join(f"- `{name}`: {question}" for name, question in examples.items()) or "(none)"


def _bars_in_words() -> str:
    names = _listed([name for name, bar in BARS.items() if bar != OTHER_BAR])
    (bar,) = {bar for bar in BARS.values() if bar != OTHER_BAR}
    return (
        f"A type is offered if the model answers at least {bar:.0%} of its questions correctly ({names}), or at least "
        f"{OTHER_BAR:.0%} (all other types)."
    )


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "(none)"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_on_hyphens=False)
