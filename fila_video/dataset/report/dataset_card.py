"""The dataset card: a README.md. Its header tells the Hub and `datasets.load_dataset` where the samples are."""

from typing import Any

from ..annotations.questions import ORIGIN
from .summary import DatasetSummary, summary_table


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

These long videos were made by joining short captioned clips. Each clip is a scene, and its caption has the timestamps
of the scene, as in section 3.3 of [FiLA-Video](https://arxiv.org/abs/2504.20384). They were made with
`fila_video.dataset` of the FiLA-Video project.

{table}
## Samples

Each line of `captions.jsonl` is a record in LLaVA's format (`captions.json` has the same records as one list):

- `video`: path of the video in this folder; `duration`: its length in seconds.
- `conversations`: the user's turn (`<image>` stands for the video{sentence}) and the answer, which has one line
  `start - end: caption` for each scene, in seconds.
- `scenes`: the scenes with exact times, and `video` and `source` of the clip that each scene was made from.
- `prompt_frames`: number of sampled frames that the user's turn lists (null if it lists none).

```python
from datasets import load_dataset

captions = load_dataset("path/to/this/folder", split="train")
captions[0]["scenes"][0]
```

{questions_text}## How it was made

Seed {seed}; durations {distribution} from {shortest} to {longest} s; sources: {sources}; formats: {formats}.
`plan.jsonl` has the clips of each video. `replaced.jsonl` has the clips that were replaced, and `failed.jsonl` the
videos that could not be made, with the reasons.

## License

The pictures and captions keep the license of the clips that they were made from. If the clips come from
LLaVA-Video-178K: it is under the Apache License 2.0, and its authors allow its use for academic research and education
only. Its captions were generated with GPT-4, for which its authors refer to OpenAI's usage policies.
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
    """Returns the text of README.md.

    Args:
        summary: Numbers of the captions.
        header: Header of the plan.
        card_license: License identifier of the Hub, such as "other" or "apache-2.0".
        has_sentence: Whether the user's turn has the times of the sampled frames.
        has_questions: Whether there is a questions.jsonl.
    """
    durations = header["durations"]
    distribution = durations["name"]
    if distribution == "exponential":
        distribution = f"exponential with mean {durations['mean_seconds']} s, truncated to the range"
    return CARD.format(
        license=card_license,
        size=_size_category(summary.num_videos),
        questions_config=QUESTIONS_CONFIG if has_questions else "",
        name=summary.name,
        table=summary_table(summary),
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
    """Returns the Hub's name for this number of samples."""
    limits = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
    return next((name for limit, name in limits if count < limit), "n>1M")
