"""A file of answers, one JSON object on each line, that a later run continues."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from fila_video.common.files import written_whole

from .requests import REQUEST_FIELDS, Request
from .show import to_json


class AnswersFile:
    """
    Answers to requests, written line by line. Requests that an earlier run has answered are known.

    A last line that an interrupted run did not finish is removed, and so are errors of earlier runs, whose requests are
    tried again.

    Args:
        path: The file, which need not exist.
        run: Model and options, as JSON values. Each line holds them.

    Raises:
        ValueError: If the file holds something else, or answers of another model or with other options.
    """

    def __init__(self, path: Path, run: dict[str, Any]):
        self.path = path
        self._run = json.loads(json.dumps(run))
        records, is_clean = _read(path)
        for number, record in records:
            found = {name: record.get(name) for name in self._run}
            if found != self._run:
                raise ValueError(
                    f"{path}, line {number} is an answer of {found}, not of {self._run}: name another file."
                )
        answered = [record for _, record in records if record["answer"] is not None]
        if not is_clean or len(answered) < len(records):
            _rewrite(path, answered)
        self._answered = Counter(_key(record) for record in answered)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8", newline="\n")

    def unanswered(self, requests: Iterable[Request]) -> list[Request]:
        """The requests that the file does not answer. The same request may stand in it several times."""
        left = self._answered.copy()
        result = []
        for request in requests:
            key = _key(request.record())
            left[key] -= 1
            if left[key] < 0:
                result.append(request)
        return result

    def add(self, record: dict[str, Any]) -> None:
        """Appends a line. It is on its way to the disk when this returns."""
        self._file.write(to_json({**record, **self._run}) + "\n")
        self._file.flush()

    def __enter__(self) -> "AnswersFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def _rewrite(path: Path, records: list[dict[str, Any]]) -> None:
    with written_whole(path) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{to_json(record)}\n" for record in records)


def _key(record: dict[str, Any]) -> str:
    return json.dumps([record.get(name) for name in REQUEST_FIELDS])


def _read(path: Path) -> tuple[list[tuple[int, dict[str, Any]]], bool]:
    """Reads numbered records. The second value tells whether the file needs no repair at its end."""
    if not path.exists():
        return [], True
    with path.open("rb") as file:
        lines = file.read().split(b"\n")
    ends_whole = lines.pop() == b""  # what follows the last line break was not written to its end
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line.decode(errors="surrogateescape"))
        except ValueError:
            record = None
        if not isinstance(record, dict) or not {"video", "question", "answer"} <= record.keys():
            raise ValueError(f"{path}, line {number} is not an answer of this command: name another file.")
        records.append((number, record))
    return records, ends_whole
