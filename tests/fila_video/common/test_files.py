"""Files are complete or absent under their name; records are read from both formats."""

import errno
import hashlib
import json
import pickle

import pytest

from fila_video.common.files import (
    DiskFullError,
    part_path,
    read_records,
    remove_parts,
    sha256_of,
    sha256_of_file,
    write_json,
    write_jsonl,
    write_text,
    written_whole,
)


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# ----------------------------------------------------------------------------------------------------- atomic writing


def test_the_name_appears_when_the_file_is_complete(tmp_path):
    final = tmp_path / "new" / "file.txt"
    with written_whole(final) as part:
        assert part.parent == final.parent
        part.write_text("half", encoding="utf-8")
        assert not final.exists()
    assert final.read_text(encoding="utf-8") == "half"
    assert names(final.parent) == ["file.txt"]


@pytest.mark.parametrize("error", [ValueError("a bad clip"), OSError(errno.EACCES, "denied"), KeyboardInterrupt()])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, error):
    final = tmp_path / "file.txt"
    write_text(final, "old")
    with pytest.raises(type(error)) as caught:
        with written_whole(final) as part:
            part.write_text("new", encoding="utf-8")
            raise error
    assert caught.value is error
    assert final.read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == ["file.txt"]


def test_parts_of_killed_runs_are_removed_and_other_files_stay(tmp_path):
    part_path(tmp_path / "a.mp4").write_bytes(b"half")
    (tmp_path / "below").mkdir()
    part_path(tmp_path / "below" / "b.mp4").write_bytes(b"half")
    write_text(tmp_path / "a.part", "the user's own")
    remove_parts(tmp_path)
    assert names(tmp_path) == ["a.part", "below"] and names(tmp_path / "below") == []


def test_text_is_utf_8_with_plain_line_breaks(tmp_path):
    write_text(tmp_path / "text", "é\n漢\n")
    assert (tmp_path / "text").read_bytes() == "é\n漢\n".encode()


# ---------------------------------------------------------------------------------------------------------- full disks


@pytest.fixture
def full_disk(monkeypatch):
    """/dev/full refuses every byte with ENOSPC, as a full disk does."""

    def full(final):
        link = final.with_name(f".{final.name}.0.part")
        link.symlink_to("/dev/full")
        return link

    def fill():
        monkeypatch.setattr("fila_video.common.files.part_path", full)

    return fill


def test_a_full_disk_is_reported_with_the_file_and_leaves_the_old_one(tmp_path, full_disk):
    write_text(tmp_path / "file.txt", "old")
    full_disk()
    with pytest.raises(
        DiskFullError, match=r"No space left in .* to write file.txt \(No space left on device\)"
    ) as caught:
        write_text(tmp_path / "file.txt", "new")
    assert caught.value.errno == errno.ENOSPC
    assert (tmp_path / "file.txt").read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == ["file.txt"]


def test_a_full_disk_ends_a_long_list_of_records(tmp_path, full_disk):
    full_disk()
    with pytest.raises(DiskFullError):
        write_jsonl(tmp_path / "lines.jsonl", ({"number": number} for number in range(100_000)))
    assert names(tmp_path) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_quota_is_a_full_disk_too(tmp_path, number):
    with pytest.raises(DiskFullError) as caught:
        with written_whole(tmp_path / "file"):
            raise OSError(number, "no more")
    assert caught.value.errno == number


def test_the_error_of_a_full_disk_crosses_processes():
    """Every exception of a worker process is pickled and unpickled."""
    error = pickle.loads(pickle.dumps(DiskFullError(28, "No space left.")))
    assert isinstance(error, DiskFullError) and error.errno == 28 and "No space left." in str(error)


def test_an_error_that_already_names_its_file_is_not_wrapped_again(tmp_path):
    inner = DiskFullError(28, "No space left in cache.")
    with pytest.raises(DiskFullError) as caught:
        with written_whole(tmp_path / "outer"):
            raise inner
    assert caught.value is inner


# -------------------------------------------------------------------------------------------------------- JSON records


def test_lists_and_lines_are_read_alike(tmp_path):
    records = [{"name": "é"}, {"name": "b", "more": [1, 2]}]
    write_json(tmp_path / "list.json", records)
    write_jsonl(tmp_path / "lines.jsonl", records)
    assert list(read_records(tmp_path / "list.json")) == list(enumerate(records, start=1))
    assert list(read_records(tmp_path / "lines.jsonl")) == list(enumerate(records, start=1))


def test_empty_lines_are_skipped_and_still_counted(tmp_path):
    (tmp_path / "lines.jsonl").write_text('\n{"a": 1}\n\n{"a": 2}\n', encoding="utf-8")
    assert list(read_records(tmp_path / "lines.jsonl")) == [(2, {"a": 1}), (4, {"a": 2})]
    (tmp_path / "empty.jsonl").write_text("", encoding="utf-8")
    assert list(read_records(tmp_path / "empty.jsonl")) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}\n{"a": ', "line 2 is not JSON"),
        ("[1, 2", "is not JSON"),
        ("[1]", "record 1 is not a JSON object: '1'"),
        ('{"a": 1}\n"text"', "record 2 is not a JSON object: 'text'"),
    ],
)
def test_other_contents_are_an_error_with_file_and_number(tmp_path, text, message):
    path = tmp_path / "records.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=f"records.json.*{message}"):
        list(read_records(path))


# -------------------------------------------------------------------------------------------------------------- hashes


def test_hashes(tmp_path):
    data = bytes(range(256)) * 10_000  # more than one block
    (tmp_path / "file").write_bytes(data)
    assert sha256_of_file(tmp_path / "file") == hashlib.sha256(data).hexdigest()
    assert sha256_of({"a": 1, "b": [2]}) == sha256_of({"b": [2], "a": 1}) != sha256_of({"a": 1, "b": [3]})
    assert sha256_of("é") == hashlib.sha256(json.dumps("é", ensure_ascii=False).encode()).hexdigest()
