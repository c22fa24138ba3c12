"""The trained mini as it is shipped: bfloat16, its scores, and a card that says what it can do and what not."""

from pathlib import Path

import torch
from huggingface_hub import ModelCardData

from evaluation_fila.evaluate import Score, as_table
from modeling_fila import FilaVideoForConditionalGeneration
from processing_fila import FilaVideoProcessor

from .measure import SCORES, load_scores, measure, save_scores
from .untrained import NUM_SCENES


# What a type has to reach to be offered: looking at one scene, and finding the right one among several.
BARS = {
    **dict.fromkeys(("existence", "first", "last", "count_scenes", "colour", "shape", "background"), 0.95),
    **dict.fromkeys(("at_second", "when", "before", "after", "caption"), 0.90),
}
OTHER_BAR = 0.90
CARD = """
# fila-video-mini

A [FiLA-Video](https://arxiv.org/abs/2504.20384) model of {parameters:.1f} million parameters, trained from nothing on
videos that are drawn: coloured shapes that move over textured backgrounds, 64 x 64 pixels, 4 to 96 seconds, one to five
scenes and sometimes short events. It is there so that everything around it can be tried, tested and looked at on a
laptop.

**It has never seen anything else.** About a video from a camera its answers mean nothing; the scenes that it finds do.

```python
from transformers import pipeline

pipe = pipeline("video-text-to-text", model="checkpoints/fila-video-mini", trust_remote_code=True)
pipe("clip.mp4", text="What is in the first scene?", return_scenes=True)
```

## What it can be asked

{offered}

It must not be asked {withheld}: there it is right less often than it would have to be, {bars} of the time.

## How often it is right

Held-out videos, questions asked through the pipeline. The level of chance is the best guess that is the same for every
video.

{tables}

## How it was made

With the recipe behind `make mini` (`mini_fila/` in the repository; docs/mini.md says how these weights came about): the
tower is taught what there is in a frame; the language model the words; then the stages of the paper, the last one on
videos. 48 frames are sampled, k-means finds {scenes} scenes of three, and each becomes one visual token, with its time
before it. To see short events in videos of half a minute or more it needs more frames: `num_frames=96`.
"""
TITLES = {
    "test": "Videos and questions like those of training",
    "test_combinations": "Videos with a combination of colour, shape and background that no video of training has",
    "test_wordings": "Questions in words that no question of training has",
}


def publish(trained: Path, output: Path, *, share: float = 1.0) -> None:
    """
    Writes the shipped checkpoint, measures it, and writes its card.

    Args:
        trained: the last stage's folder.
        share: of the questions, for a try.
    """
    model = FilaVideoForConditionalGeneration.from_pretrained(trained, dtype=torch.bfloat16)
    model.config.dtype = torch.bfloat16
    model.set_attn_implementation("sdpa")
    model.save_pretrained(output)
    FilaVideoProcessor.from_pretrained(trained).save_pretrained(output)
    scores = measure(output, output.parent / "measured", share=share)
    save_scores(scores, output / SCORES)
    write_card(output, sum(parameter.numel() for parameter in model.parameters()))


def offered_types(scores: dict[str, Score]) -> list[str]:
    """The question types that the model answers well enough to be asked them."""
    return [name for name, score in scores.items() if name != "all" and score.share >= BARS.get(name, OTHER_BAR)]


def write_card(folder: Path, num_parameters: int) -> None:
    """Writes `README.md` from the scores in the folder."""
    scores = load_scores(folder / SCORES)
    offered = offered_types(scores["test"])
    withheld = [name for name in scores["test"] if name not in (*offered, "all")]
    data = ModelCardData(
        library_name="transformers",
        pipeline_tag="video-text-to-text",
        license="apache-2.0",
        language="en",
        tags=["fila-video", "video", "synthetic"],
    )
    body = CARD.format(
        parameters=num_parameters / 1e6,
        scenes=NUM_SCENES,
        offered=_listed(offered),
        withheld=_listed(withheld),
        bars=_bars_in_words(),
        tables="\n\n".join(f"{TITLES[split]}:\n\n{as_table(of_type)}" for split, of_type in scores.items()),
    )
    (folder / "README.md").write_text(f"---\n{data.to_yaml()}\n---\n{body}", encoding="utf-8")


def _bars_in_words() -> str:
    of_bar = {bar: [name for name in BARS if BARS[name] == bar] for bar in sorted(set(BARS.values()), reverse=True)}
    of_bar.pop(OTHER_BAR)
    return ", ".join([*(f"{bar} ({_listed(names)})" for bar, names in of_bar.items()), f"{OTHER_BAR} (the others)"])


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "nothing"
