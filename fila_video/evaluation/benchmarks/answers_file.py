"""Answers that were given before, so that a run that was ended goes on where it was.

lmms-eval has a cache of responses, but it stores those of a call when all of them are there: a run of hours that is
killed in its first call starts over. Here an answer is in the file when the next video begins.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Given:
    """
    What was given to a question.

    Attributes:
        key: Digest of the model's options, the task and document, the prompt and the video.
        task: Name of the task.
        document: Number of the document in the task's data.
        video: Path of the video.
        prompt: Digest of the texts of the prompt.
        answer: A text; a list of texts, one for each round; or a list of likelihoods. None if there was none.
        input_tokens, video_tokens, output_tokens: See `token_counts.Counts`.
        seconds: Time that the model took, divided by the number of questions that were asked together.
        failure: Why there is no answer.
    """

    key: str
    task: str
    document: Any
    video: str
    prompt: str = ""
    answer: Any = None
    input_tokens: int | None = None
    video_tokens: int | None = None
    output_tokens: int | None = None
    seconds: float | None = None
    failure: str | None = None


def path_of(folder: Path, rank: int) -> Path:
    """The file of one of several processes."""
    return folder / f"answers.{rank}.jsonl"


def read_answers(folder: Path) -> Iterator[Given]:
    """
    Yields what all processes have written, the last line of a killed one excepted.

    Raises:
        ValueError: If another line is damaged.
    """
    for path in sorted(folder.glob("answers.*.jsonl")):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        for number, line in enumerate(lines):
            if not line.endswith("\n"):
                continue  # the process was killed while it wrote this line
            try:
                yield Given(**json.loads(line))
            except (ValueError, TypeError) as error:
                raise ValueError(f"{path}, line {number + 1} is not an answer: {error}") from error


class AnswersFile:
    """
    The answers of one process, and those that it finds of earlier runs. Failures of earlier runs are tried again.

    Args:
        folder: Folder of the files of all processes; None keeps answers for this process alone.
        rank: Number of this process.
    """

    def __init__(self, folder: Path | None, rank: int = 0):
        self._known: dict[str, Given] = {}
        self._path = None if folder is None else path_of(folder, rank)
        self.added: list[Given] = []
        if folder is not None and self._path is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._known = {given.key: given for given in read_answers(folder) if given.failure is None}
            _end_last_line(self._path)

    def get(self, key: str) -> Given | None:
        return self._known.get(key)

    def add(self, answers: list[Given]) -> None:
        """Keeps answers, on the disk when this returns."""
        self._known |= {given.key: given for given in answers if given.failure is None}
        self.added += answers
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(asdict(given)) + "\n" for given in answers)


def _end_last_line(path: Path) -> None:
    """Removes what a killed process left of a line, so that the next one begins at its start."""
    if path.is_file():
        content = path.read_bytes()
        if content and not content.endswith(b"\n"):
            path.write_bytes(content[: content.rfind(b"\n") + 1])
