"""What the language model learns its words from: questions and answers without their videos."""

import json
from pathlib import Path

from dataset_fila.files import write_text
from evaluation_fila.splits import draw_sample


def write_words(path: Path, count: int, *, seed: int) -> Path:
    """Writes `count` conversations of one question in LLaVA's format."""
    records = []
    for number in range(count):
        _, (question,) = draw_sample("train", number, num_questions=1, seed=seed + 1)
        turns = [{"from": "human", "value": question.text}, {"from": "gpt", "value": question.answer}]
        records.append({"id": f"words_{number:06d}", "conversations": turns})
    write_text(path, json.dumps(records))
    return path
