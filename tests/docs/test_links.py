"""Links and file names in the documents lead somewhere."""

import re
from pathlib import Path

import pytest

from tests.docs.documents import ALL_DOCUMENTS, DOCUMENTS
from tests.docs.markdown import Document
from tests.environment import REPOSITORY


TOP_LEVEL = ("benchmarks", "checkpoints", "demo", "docs", "fila_video", "modeling_fila", "notebooks")
TOP_LEVEL += ("processing_fila", "tests")
LINKS = [(name, link) for name, document in ALL_DOCUMENTS.items() for link in dict.fromkeys(document.links)]


@pytest.mark.parametrize(("name", "link"), LINKS, ids=[f"{name}: {link}" for name, link in LINKS])
def test_a_link_leads_somewhere(name, link):
    if re.match("https?:", link):
        return
    document = ALL_DOCUMENTS[name]
    path, _, anchor = link.partition("#")
    target = (document.path.parent / path).resolve() if path else document.path
    assert target.exists(), f"{name} links to {link}"
    if anchor:
        assert anchor in Document(target).anchors, f"{name} links to {link}"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_files_that_are_named_exist(name):
    missing = [path for path in named_files(DOCUMENTS[name]) if not list(REPOSITORY.glob(path))]
    assert missing == []


def named_files(document: Document) -> list[str]:
    """Words of inline code that are paths into this repository, and documents that the text names."""
    words = [word for code in document.inline_code for word in code.split()]
    words += re.findall(r"\bdocs/[\w/]+\.md\b", document.prose)
    paths = [word.rstrip("/").partition("::")[0] for word in words]
    return [path for path in paths if "/" in path and Path(path).parts[0] in TOP_LEVEL]
