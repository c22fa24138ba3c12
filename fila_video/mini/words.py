"""Training data for the language model's words: questions and answers without their videos."""

import json
from pathlib import Path

from fila_video.common.files import write_text
from fila_video.world.splits import draw_sample


def write_words(path: Path, count: int, *, seed: int) -> Path:
    """
    Writes conversations of one question each, in LLaVA's format.

    Args:
        path: JSON file to write.
        count: Number of conversations.
        seed: Random seed.
    """
    records = []
    for number in range(count):
        _, (question,) = draw_sample("train", number, num_questions=1, seed=seed + 1)
        turns = [{"from": "human", "value": question.text}, {"from": "gpt", "value": question.answer}]
        records.append({"id": f"words_{number:06d}", "conversations": turns})
    write_text(path, json.dumps(records))
    return path
