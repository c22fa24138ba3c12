"""The dataset card: a README.md whose header tells the Hub and `datasets.load_dataset` where the samples are."""

from typing import Any

from .questions import ORIGIN
from .statistics import DatasetSummary, table


CARD = """\
---
license: {license}
language:
- en
task_categories:
- video-text-to-text
tags:
- video
- long-video
- synthetic
size_categories:
- {size}
configs:
- config_name: captions
  default: true
  data_files:
  - split: train
    path: captions.jsonl
{questions_config}---

# {name}

Long videos made by joining short captioned clips, each clip a scene whose caption carries the scene's timestamps, as in
section 3.3 of [FiLA-Video](https://arxiv.org/abs/2504.20384). Made by `dataset_fila` of the FiLA-Video project.

{table}
## Samples

One record a line in LLaVA's format (`captions.json` holds the same as one list):

- `video`: path of the video in this folder; `duration`: its length in seconds.
- `conversations`: the user's turn (`<image>` stands for the video{sentence}) and the answer,
  one line `start - end: caption` for each scene, in seconds.
- `scenes`: the same with exact times, and `video` and `source` of the clip each scene was made from.
- `prompt_frames`: how many sampled frames the user's turn speaks of.

```python
from datasets import load_dataset

captions = load_dataset("path/to/this/folder", split="train")
captions[0]["scenes"][0]
```

{questions_text}## How it was made

Seed {seed}; durations {distribution} from {shortest} to {longest} s; sources {sources}; formats {formats}.
`plan.jsonl` has the clips of each video, `replaced.jsonl` those that were replaced, with the reason, `failed.jsonl` the
videos left out.

## Licence

Pictures and captions stay under the licence of the clips they were made from. LLaVA-Video-178K, if they are from there,
is under the Apache License 2.0, and its authors allow its use for academic research and education only; its captions
were generated with GPT-4, for which they refer to OpenAI's usage policies.
"""

QUESTIONS_CONFIG = """\
- config_name: questions
  data_files:
  - split: train
    path: questions.jsonl
"""


def dataset_card(
    summary: DatasetSummary, header: dict[str, Any], *, card_license: str, has_sentence: bool, has_questions: bool
) -> str:
    """The text of README.md.

    Args:
        summary: of the captions.
        header: of the plan.
        card_license: identifier for the Hub, such as "other" or "apache-2.0".
        has_sentence: whether the user's turn carries the times of the sampled frames.
        has_questions: whether there is a questions.jsonl.
    """
    durations = header["durations"]
    distribution = durations["name"]
    if distribution == "exponential":
        distribution = f"exponential with mean {durations['mean_seconds']} s, cut to the range"
    return CARD.format(
        license=card_license,
        size=_size_category(summary.num_videos),
        questions_config=QUESTIONS_CONFIG if has_questions else "",
        name=summary.name,
        table=table(summary),
        sentence=", followed by the times of the sampled frames" if has_sentence else "",
        questions_text=f"## Questions\n\n`questions.jsonl`: {ORIGIN}\n\n" if has_questions else "",
        seed=header["seed"],
        distribution=distribution,
        shortest=durations["min_seconds"],
        longest=durations["max_seconds"],
        sources=header["sources"],
        formats=header["formats"],
    )


def _size_category(count: int) -> str:
    """As the Hub names sizes."""
    limits = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
    return next((name for limit, name in limits if count < limit), "n>1M")
