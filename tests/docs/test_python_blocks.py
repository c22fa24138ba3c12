"""Every Python block of the documents runs, with the small model and a drawn clip.

The blocks of a document share one namespace, in order. Names that a reader has to supply (`path`, `model`, ...) come
from `SUPPLIED`. A block that cannot run here says so in the document: `<!-- not run: needs a GPU -->`. It is compiled.
"""

import ast
import builtins
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForImageTextToText, AutoProcessor

import fila_video  # noqa: F401 (registers the classes)
from tests.clips import draw_clip
from tests.docs.documents import DOCUMENTS
from tests.docs.markdown import CodeBlock, Document
from tests.environment import REPOSITORY


MINI = "checkpoints/fila-video-mini"
CHAT = [
    {"role": "user", "content": [{"type": "video", "path": "clip.mp4"}, {"type": "text", "text": "What happens?"}]},
    {"role": "assistant", "content": [{"type": "text", "text": "a red circle"}]},
]


def _dataset() -> Any:
    from datasets import Dataset

    return Dataset.from_list([{"messages": CHAT}] * 2)


# What a reader is expected to have, made only for a document that uses the name.
SUPPLIED: dict[str, Callable[[], Any]] = {
    "path": lambda: MINI,
    "question": lambda: "What is in the first scene?",
    "model": lambda: AutoModelForImageTextToText.from_pretrained(MINI),
    "processor": lambda: AutoProcessor.from_pretrained(MINI),
    "dataset": _dataset,
}


def python_blocks(document: Document) -> list[CodeBlock]:
    return [block for block in document.blocks if block.language == "python"]


def names_to_supply(blocks: list[CodeBlock]) -> list[str]:
    """The names of `SUPPLIED` that are read before a block assigns them."""
    assigned = set(dir(builtins))
    needed: list[str] = []
    for block in blocks:
        names = [node for node in ast.walk(ast.parse(block.code)) if isinstance(node, ast.Name)]
        # Sorted by place in the text; on one line, what is read counts before what is assigned.
        for node in sorted(names, key=lambda node: (node.lineno, not isinstance(node.ctx, ast.Load))):
            if not isinstance(node.ctx, ast.Load):
                assigned.add(node.id)
            elif node.id not in assigned and node.id in SUPPLIED and node.id not in needed:
                needed.append(node.id)
    return needed


def run(document: Document) -> dict[str, Any]:
    """Runs the blocks of a document one after the other and returns their namespace."""
    blocks = python_blocks(document)
    compiled = [(block, compile("\n" * (block.line - 1) + block.code, str(document.path), "exec")) for block in blocks]
    names: dict[str, Any] = {"__name__": "__main__"}
    names |= {name: SUPPLIED[name]() for name in names_to_supply([block for block in blocks if not block.not_run])}
    for block, code in compiled:
        if block.not_run is None:
            exec(code, names)
    return names


@pytest.fixture
def reader_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory as the documents assume it: a clip, and the checkpoints of the repository."""
    draw_clip(tmp_path / "clip.mp4", seconds=6, fps=10)
    (tmp_path / "checkpoints").symlink_to(REPOSITORY / "checkpoints")
    monkeypatch.chdir(tmp_path)
    return tmp_path


OTHERS_WITH_BLOCKS = [name for name, document in DOCUMENTS.items() if python_blocks(document) and name != "README.md"]


@pytest.mark.parametrize("name", OTHERS_WITH_BLOCKS)
def test_the_python_blocks_run(name, reader_folder):
    run(DOCUMENTS[name])


def test_the_readme_answers_and_tells_the_scenes(reader_folder, capsys):
    names = run(DOCUMENTS["README.md"])
    printed = capsys.readouterr().out.splitlines()
    assert not any(tokens.requires_grad for tokens in names["features"].pooler_output)
    questions = ["What is in the first scene?", "How many scenes are there?"]
    answers = [line.removeprefix(question).strip() for line, question in zip(printed, questions, strict=False)]
    told = names["pipe"]("clip.mp4", text=questions, num_frames=96, max_new_tokens=64)
    assert answers == [answer[0]["generated_text"].strip() for answer in told]
    assert len(printed) == 2 + int((names["features"].scene_representatives >= 0).sum())


@pytest.mark.parametrize("name", DOCUMENTS)
def test_json_blocks_are_json(name):
    for block in DOCUMENTS[name].blocks:
        if block.language == "json":
            json.loads(block.code)
