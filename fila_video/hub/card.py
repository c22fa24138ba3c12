"""Completes the card of a model for the Hub: metadata, how to use it, and facts about the files.

What the card says about the model itself was written when the model was made (`conversion/model_card.py`,
`mini/card.py`) or saved (`modeling_fila/model_card.py`), and stays as it is.
"""

import math
import re
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCardData
from safetensors import safe_open

from configuration_fila import FilaVideoConfig
from fila_video.evaluation.scores import SCORES_FILE, load_scores
from modeling_fila.model_card import CARD, DEFAULTS, USAGE_BEGIN, USAGE_END, WITHOUT_SOURCE, read_card, usage
from modeling_fila.modeling_versions import TESTED

from .usage import full_usage


QUESTION = re.compile(r'pipe\("clip\.mp4", text="([^"]*)"')
FACTS_BEGIN, FACTS_END = "<!-- facts -->", "<!-- /facts -->"
FACTS = """\
## Facts and limits

- The weights have {parameters} parameters, stored as {dtypes}.
- The model samples {num_frames} frames of a video, however long it is. It does not see what happens between them.
  {scenes}
- The sound of a video is not used.
- A wrong answer sounds as certain as a correct one. Do not base decisions about people on answers.
- The code was tested with Transformers {tested}. The method is that of
  [FiLA-Video](https://arxiv.org/abs/2504.20384), whose authors have not published code or weights."""


def complete_card(folder: Path, repository: str, weights: list[Path]) -> str:
    """
    Returns the card of a model as it goes to the Hub.

    Args:
        folder: Folder of the model, whose own card is completed.
        repository: Id of the model on the Hub.
        weights: The files of its weights.

    Raises:
        ValueError: If the model's own card or configuration cannot be read.
    """
    card = read_card(str(folder))
    if card is None and (folder / CARD).exists():
        raise ValueError(f"{folder / CARD} is not a readable model card.")
    text = card.text.strip() if card else WITHOUT_SOURCE.format(usage=usage()).strip()
    config = FilaVideoConfig.from_pretrained(folder)
    question = QUESTION.search(text)
    how = full_usage(repository, question[1] if question else "What happens?", config.num_frames)
    text = with_section(text, how, (USAGE_BEGIN, USAGE_END), at_the_top=True)
    text = with_section(text, _facts(config, weights), (FACTS_BEGIN, FACTS_END), at_the_top=False)
    data = ModelCardData(**_metadata(folder, card.data.to_dict() if card else {}, repository))
    return f"---\n{data.to_yaml()}\n---\n\n{text}\n"


def with_section(text: str, section: str, marks: tuple[str, str], *, at_the_top: bool) -> str:
    """
    Puts a section into a card: in place of an earlier one, or else after the title or at the end.

    Args:
        text: The card without its metadata.
        section: The section, with its marks.
        marks: The lines at which it begins and ends.
        at_the_top: Whether it stands after the title and the first paragraph, or at the end.
    """
    earlier = re.compile(f"{re.escape(marks[0])}.*?{re.escape(marks[1])}", re.DOTALL)
    if earlier.search(text):
        return earlier.sub(lambda _: section, text, count=1)
    if not at_the_top:
        return f"{text}\n\n{section}"
    title = re.search(r"^# .*(?:\n+(?:[^\n#`<].*\n?)*)?", text, re.MULTILINE)
    end = title.end() if title else 0
    return f"{text[:end].rstrip()}\n\n{section}\n\n{text[end:].lstrip()}".strip()


def _metadata(folder: Path, given: dict[str, Any], repository: str) -> dict[str, Any]:
    values = {**DEFAULTS, **given}
    values["tags"] = list(dict.fromkeys([*(given.get("tags") or []), *DEFAULTS["tags"]]))
    values["pipeline_tag"], values["library_name"] = DEFAULTS["pipeline_tag"], DEFAULTS["library_name"]
    if (folder / SCORES_FILE).is_file():
        values["model-index"] = [{"name": repository.rpartition("/")[2], "results": _results(folder / SCORES_FILE)}]
    return values


def _results(scores: Path) -> list[dict[str, Any]]:
    """The scores as the Hub shows them next to the card."""
    return [
        {
            "task": {"type": DEFAULTS["pipeline_tag"]},
            "dataset": {"type": "drawn-videos", "name": f"Drawn videos ({split})", "split": split},
            "metrics": [{"type": "accuracy", "value": round(of_type["all"].share, 4)}],
        }
        for split, of_type in load_scores(scores).items()
    ]


def _facts(config: FilaVideoConfig, weights: list[Path]) -> str:
    parameters, dtypes = _count_parameters(weights)
    scenes = f"It reads {config.num_scenes} scenes of {config.scene_size} frames."
    if config.scene_merging == "none":
        scenes = "It does not merge frames into scenes."
    values = {
        "tested": TESTED,
        "parameters": f"{parameters:,}",
        "dtypes": " and ".join(dtypes),
        "num_frames": config.num_frames,
    }
    return f"{FACTS_BEGIN}\n{FACTS.format(scenes=scenes, **values)}\n{FACTS_END}"


def _count_parameters(weights: list[Path]) -> tuple[int, list[str]]:
    """The number of parameters in the files of the weights, and their types. Only the heads of the files are read."""
    total, dtypes = 0, set()
    for path in weights:
        with safe_open(path, framework="np") as file:
            for name in file.keys():  # noqa: SIM118 (not a dict)
                values = file.get_slice(name)
                total += math.prod(values.get_shape())
                dtypes.add(values.get_dtype())
    return total, sorted(dtypes)
