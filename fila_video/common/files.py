"""Files that are either complete or absent under their name, JSON records, and hashes."""

import errno
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


# No space left, quota exceeded, file too large.
DISK_FULL_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class DiskFullError(OSError):
    """There is no space left to write. No incomplete file stays; the same command continues once there is space."""


def part_path(final: Path) -> Path:
    """Returns the path at which a file is written until it is complete.

    It is in the same folder, so that renaming it moves no data. Each process has its own path.
    """
    return final.with_name(f".{final.name}.{os.getpid()}.part")


@contextmanager
def written_whole(final: Path) -> Iterator[Path]:
    """Gives a temporary path to write to, and renames it to `final` when the block ends.

    If the block raises an error, the temporary file is removed and `final` stays as it was. Missing folders are
    created.

    Args:
        final: Path of the complete file.

    Raises:
        DiskFullError: If writing or renaming failed because there is no space left.
    """
    part = part_path(final)
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        yield part
        os.replace(part, final)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, DiskFullError) and error.errno in DISK_FULL_ERRNOS:
            message = f"No space left in {final.parent} to write {final.name} ({os.strerror(error.errno)})."
            raise DiskFullError(error.errno, message) from error
        raise


def remove_parts(folder: Path) -> None:
    """Removes the incomplete files that a killed run left in `folder` and its subfolders."""
    for part in folder.glob("**/.*.part"):
        part.unlink(missing_ok=True)


def write_text(final: Path, text: str) -> None:
    """Writes a text file in UTF-8. See `written_whole`."""
    with written_whole(final) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def write_json(final: Path, value: Any) -> None:
    """Writes a JSON file. See `written_whole`."""
    write_text(final, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def write_jsonl(final: Path, records: Iterable[dict[str, Any]]) -> None:
    """Writes one record per line. Only one record at a time is in memory. See `written_whole`."""
    with written_whole(final) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(to_line(record) for record in records)


def to_line(record: dict[str, Any]) -> str:
    """Returns a record as one line of JSON, with the line break."""
    return json.dumps(record, ensure_ascii=False) + "\n"


def read_records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields the records of a JSON list or of JSON lines, each with its number.

    Args:
        path: A file whose first character tells the format: `[` begins a JSON list, anything else JSON lines.

    Yields:
        The position in the list or the line number, counted from 1, and the record.

    Raises:
        ValueError: If the file is not JSON, or a record is not an object. The message names the file and the number.
        OSError: If the file cannot be read.
    """
    with path.open(encoding="utf-8") as file, _utf8_named(path):
        first = file.read(1)
        while first.isspace():
            first = file.read(1)
        file.seek(0)
        numbered = _list_items(path, file.read()) if first == "[" else _lines(path, file)
        for number, record in numbered:
            if not isinstance(record, dict):
                raise ValueError(f"{path}, record {number} is not a JSON object: {str(record)[:80]!r}.")
            yield number, record


@contextmanager
def _utf8_named(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not text in UTF-8: {error}.") from error


def _list_items(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    try:
        return enumerate(json.loads(text), start=1)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}.") from error


def _lines(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"{path}, line {number} is not JSON: {error}.") from error
            yield number, record


def is_seconds(value: Any) -> bool:
    """Tells whether a JSON value is a time or a length in seconds: a number, not negative, finite, below a century."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 3.2e9


def sha256_of_file(path: Path) -> str:
    """Returns the SHA-256 of the bytes of a file, in hexadecimal."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def sha256_of(value: Any) -> str:
    """Returns the SHA-256 of a JSON value, in hexadecimal. The order of keys does not matter."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
