"""Files that are whole or absent under their name, and disks that are full."""

import errno
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


# No space, no quota, a file larger than allowed.
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class DiskFullError(OSError):
    """There is no room to write. Nothing half-written is left; the same command goes on once there is room."""


def part_path(final: Path) -> Path:
    """Where a file is written until it is whole: beside it, so that renaming moves no data; one for each process."""
    return final.with_name(f".{final.name}.{os.getpid()}.part")


@contextmanager
def written_whole(final: Path) -> Iterator[Path]:
    """Gives a temporary path to write to, and renames it to `final` at the end of the block; removes it on any error.

    Raises:
        DiskFullError: the block or the renaming failed for want of room.
    """
    part = part_path(final)
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        yield part
        os.replace(part, final)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in FULL and not isinstance(error, DiskFullError):
            message = f"No room left in {final.parent} to write {final.name} ({os.strerror(error.errno)})."
            raise DiskFullError(error.errno, message) from error
        raise


def remove_parts(folder: Path) -> None:
    """Remove what a killed run left half-written in `folder` and the folders in it."""
    for part in folder.glob("**/.*.part"):
        part.unlink(missing_ok=True)


def write_text(final: Path, text: str) -> None:
    with written_whole(final) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def write_json(final: Path, value: Any) -> None:
    write_text(final, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def write_jsonl(final: Path, records: Iterable[dict[str, Any]]) -> None:
    """One record a line, one at a time in memory."""
    with written_whole(final) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(to_line(record) for record in records)


def to_line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"


def read_records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records of a .json list or of JSON lines, each with its number, from 1: place in the list, or line.

    Raises:
        ValueError: not JSON, or a record that is no object; the message names the file and the number.
        OSError: the file cannot be read.
    """
    with path.open(encoding="utf-8") as file:
        first = file.read(1)
        while first.isspace():
            first = file.read(1)
        file.seek(0)
        numbered = _list_items(path, file.read()) if first == "[" else _lines(path, file)
        for number, record in numbered:
            if not isinstance(record, dict):
                raise ValueError(f"{path}, record {number} is no JSON object: {str(record)[:80]!r}.")
            yield number, record


def _list_items(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    try:
        return enumerate(json.loads(text), start=1)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}.") from error


def _lines(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"{path}, line {number} is not JSON: {error}.") from error


def sha256_of_file(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def sha256_of(value: Any) -> str:
    """Of anything that JSON can hold, independent of the order of keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
