"""Writes the training samples of a dataset, in LLaVA's format."""

import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from fila_video.common.files import write_jsonl, written_whole

from ..scene import Scene
from .captions import answer, request, user_turn
from .questions import ORIGIN, ask


CAPTIONS_SOURCE, QUESTIONS_SOURCE = "fila_long_video", "fila_long_video_questions"
# The files in which `find_annotations` looks for the samples of a folder.
CAPTION_FILES = ("captions.jsonl", "captions.json")


def find_annotations(dataset: Path) -> Path:
    """Returns `dataset` itself if it is a file, else its captions.jsonl or captions.json.

    Raises:
        FileNotFoundError: If the folder has neither file.
    """
    candidates = [dataset] if dataset.is_file() else [dataset / name for name in CAPTION_FILES]
    for path in candidates:
        if path.is_file():
            return path
    raise FileNotFoundError(f"{dataset} has neither captions.jsonl nor captions.json.")


def write_samples(
    output: Path, read_records: Callable[[], Iterable[dict[str, Any]]], seed: int, num_questions: int
) -> None:
    """Writes captions.jsonl, captions.json and, if `num_questions` is positive, questions.jsonl.

    Only one record at a time is in memory.

    Args:
        output: Folder of the dataset.
        read_records: Returns the records of the long videos, in order. It is called once for each kind of sample.
        seed: Seed that the wordings and the questions are drawn with.
        num_questions: Number of questions for each video.
    """
    captions, caption_list = (output / name for name in CAPTION_FILES)
    questions = output / "questions.jsonl"
    write_jsonl(captions, (caption_sample(record, seed) for record in read_records()))
    _write_json_list(caption_list, captions)
    questions.unlink(missing_ok=True)
    if num_questions:
        samples = (sample for record in read_records() for sample in question_samples(record, seed, num_questions))
        write_jsonl(questions, samples)


def caption_sample(record: dict[str, Any], seed: int) -> dict[str, Any]:
    """Makes the caption sample of a long video. LLaVA's readers ignore the keys that they do not know."""
    scenes = [Scene(**scene) for scene in record["scenes"]]
    turns = [_user(record, request(record["id"], seed)), {"from": "gpt", "value": answer(scenes)}]
    return _sample(record, record["id"], CAPTIONS_SOURCE, turns) | {"scenes": record["scenes"]}


def question_samples(record: dict[str, Any], seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Yields up to `count` question samples of a long video, each marked as not from the paper."""
    generator = random.Random(f"fila-questions {seed} {record['id']}")
    scenes = [Scene(**scene) for scene in record["scenes"]]
    for number, (kind, question, reply) in enumerate(ask(scenes, count, generator)):
        turns = [_user(record, question), {"from": "gpt", "value": reply}]
        sample = _sample(record, f"{record['id']}-q{number:02d}", QUESTIONS_SOURCE, turns)
        yield sample | {"kind": kind, "origin": ORIGIN}


def _user(record: dict[str, Any], question: str) -> dict[str, str]:
    return {"from": "human", "value": user_turn(question, record["sampled_seconds"], record["duration"])}


def _sample(record: dict[str, Any], name: str, source: str, turns: list[dict[str, str]]) -> dict[str, Any]:
    sampled = record["sampled_seconds"]
    return {
        "id": name,
        "data_source": source,
        "video": record["video"],
        "duration": record["duration"],
        "prompt_frames": None if sampled is None else len(sampled),
        "conversations": turns,
    }


def _write_json_list(final: Path, lines: Path) -> None:
    """Writes JSON lines as one JSON list, which LLaVA-NeXT reads. Only one record at a time is in memory."""
    with (
        written_whole(final) as part,
        part.open("w", encoding="utf-8", newline="\n") as out,
        lines.open(encoding="utf-8") as file,
    ):
        for place, line in enumerate(file):
            out.write(("[\n" if place == 0 else ",\n") + line.rstrip("\n"))
        out.write("\n]\n")
