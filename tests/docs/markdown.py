"""Reads Markdown documents: their code blocks, inline code, links and anchors.

This is not a full Markdown parser. It knows the forms that the documents of this repository use.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


FENCE = re.compile(r"^ *```(\w*) *$")
INDENTED = re.compile(r"^(?: {4}|\t)")
NOT_RUN = re.compile(r"<!-- not run: (.+?) -->")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
INLINE_CODE = re.compile(r"(`+)(.+?)\1", flags=re.DOTALL)
HEADING = re.compile(r"^#{1,6} +(.+?) *#* *$")


@dataclass(frozen=True)
class CodeBlock:
    """A code block of a document.

    Args:
        language: What stands after the opening fence; "" for an indented block.
        code: The lines, without the indentation of an indented block.
        line: Number of its first line of code in the file, from 1.
        not_run: The reason given by a comment `<!-- not run: reason -->` above the block, or None.
    """

    language: str
    code: str
    line: int
    not_run: str | None = None


class Document:
    """A Markdown file."""

    def __init__(self, path: Path):
        self.path = path
        self.text = path.read_text(encoding="utf-8")

    @cached_property
    def blocks(self) -> list[CodeBlock]:
        """All code blocks, in order."""
        return self._blocks_and_prose[0]

    @cached_property
    def prose(self) -> str:
        """The text without its code blocks."""
        return self._blocks_and_prose[1]

    @property
    def inline_code(self) -> list[str]:
        """What stands between backticks in the prose; a line break counts as a space."""
        return [" ".join(match[2].split()) for match in INLINE_CODE.finditer(self.prose)]

    @property
    def links(self) -> list[str]:
        """Targets of links and images."""
        return LINK.findall(INLINE_CODE.sub("", self.prose))

    @property
    def anchors(self) -> set[str]:
        """The anchors that GitHub gives the headings: `## What is asked` has `what-is-asked`."""
        titles = [match[1].lower() for match in map(HEADING.match, self.prose.splitlines()) if match]
        plain = [re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles]
        repeats = [plain[:place].count(anchor) for place, anchor in enumerate(plain)]
        return {f"{anchor}-{count}" if count else anchor for anchor, count in zip(plain, repeats, strict=True)}

    @cached_property
    def _blocks_and_prose(self) -> tuple[list[CodeBlock], str]:
        lines = self.text.splitlines()
        blocks: list[CodeBlock] = []
        prose: list[str] = []
        place = after_block = 0
        while place < len(lines):
            fence = FENCE.match(lines[place])
            is_indented = INDENTED.match(lines[place]) and (not prose or not prose[-1].strip())
            if not fence and not is_indented:
                prose.append(lines[place])
                place += 1
                continue
            start = place + 1 if fence else place
            end = _end_of_fenced(lines, start) if fence else _end_of_indented(lines, start)
            code = [line if fence else INDENTED.sub("", line) for line in lines[start:end]]
            language = fence[1] if fence else ""
            blocks.append(CodeBlock(language, "\n".join(code), start + 1, _reason_at_end_of(prose[after_block:])))
            prose.append("")
            after_block = len(prose)
            place = end + 1 if fence else end
        return blocks, "\n".join(prose)


def _end_of_fenced(lines: list[str], start: int) -> int:
    return next((place for place in range(start, len(lines)) if FENCE.match(lines[place])), len(lines))


def _end_of_indented(lines: list[str], start: int) -> int:
    """Blank lines belong to the block if it continues after them."""
    end = place = start
    while place < len(lines) and (INDENTED.match(lines[place]) or not lines[place].strip()):
        place += 1
        if lines[place - 1].strip():
            end = place
    return end


def _reason_at_end_of(prose: list[str]) -> str | None:
    last = next((line for line in reversed(prose) if line.strip()), "")
    match = NOT_RUN.search(last)
    return match[1] if match else None
