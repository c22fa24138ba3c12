"""The index of the log lists every entry, in order, with its date and an answer."""

import re

from tests.docs.documents import ALL_DOCUMENTS


LOG = ALL_DOCUMENTS["docs/log.md"].text


def test_the_index_lists_every_entry():
    entries = re.findall(r"^## (\d{4}-\d\d-\d\d): (.+)$", LOG, flags=re.MULTILINE)
    rows = re.findall(r"^\| (\d{4}-\d\d-\d\d) \| \[(.+)\]\(#.+\) \| (.+) \|$", LOG, flags=re.MULTILINE)
    assert [(date, question) for date, question, _ in rows] == entries
    assert len(entries) > 40 and sorted(date for date, _ in entries) == [date for date, _ in entries]
    assert all(answer.endswith(".") and len(answer) <= 100 for _, _, answer in rows)


def test_every_heading_is_an_entry_or_the_index():
    headings = re.findall(r"^## (.+)$", LOG, flags=re.MULTILINE)
    assert [heading for heading in headings if not re.match(r"\d{4}-\d\d-\d\d: ", heading)] == ["Index"]
