"""The documentation site: `make docs` builds it with Sphinx, MyST and the theme Furo, and any warning is an error.

Sphinx was chosen because it is well kept (9.0 in 2026), reads the Markdown of this folder through MyST, and takes the
reference from docstrings. MkDocs has had no release since 2024, and Zensical, the successor of its main theme, is still
at 0.1.
"""

import os
import re
import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx


REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

import fila_video  # noqa: E402


project = "FiLA-Video"
author = "The FiLA-Video contributors"
copyright = f"2026, {author}"
version = release = fila_video.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
# Tables that `python -m fila_video.evaluation` writes; docs/results.md has their contents.
exclude_patterns = ["ablations/*.md"]
nitpicky = False

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4
myst_links_external_new_tab = True

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 100
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Warns", "returns_style")]

html_theme = "furo"
html_title = f"FiLA-Video {release}"
html_show_sphinx = False
html_copy_source = False

# Pages of the site that are files outside docs/.
PAGES = {
    "project/contributing": Path("CONTRIBUTING.md"),
    "project/changes": Path("CHANGELOG.md"),
}
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:|#)([^)#\s]+)(#[^)]*)?\)")
FENCE = re.compile(r"```(\w+)\n(.*?)\n```", re.DOTALL)


def markdown_to_rst(app: Sphinx, what: str, name: str, value: object, options: Any, lines: list[str]) -> None:
    """Docstrings here have the Markdown of transformers: `code`, [`Class`], and fenced blocks."""
    text = "\n".join(lines)
    text = FENCE.sub(_code_block, text)
    text = re.sub(r"\[(`[^`]+`)\](?:\([^)]*\))?", r"\1", text)
    text = re.sub(r"(?<![`:])`([^`]+)`(?!`)", r"``\1``", text)
    lines[:] = text.split("\n")


def _code_block(match: re.Match) -> str:
    indented = "\n".join(f"    {line}" if line else line for line in match[2].split("\n"))
    return f".. code-block:: {match[1]}\n\n{indented}\n"


def follow_repository(app: Sphinx, page: str, source: list[str]) -> None:
    """Takes the pages of `PAGES` from their files, and turns links between files into links of the site."""
    path = PAGES.get(page, Path("docs", f"{page}.md"))
    if page in PAGES:
        source[0] = (REPOSITORY / path).read_text(encoding="utf-8")
    source[0] = LINK.sub(lambda match: _link(match, path.parent, page), source[0])


def _link(match: re.Match, folder: Path, page: str) -> str:
    """A link of the site, or the text alone if it leads to a file of the repository that is no page or picture."""
    text, target, anchor = match[1], match[2], match[3] or ""
    path = Path(os.path.normpath(folder / target))
    if path == Path("README.md"):
        path = Path("docs/index.md")
    for name, source in PAGES.items():
        if path == source:
            path = Path("docs", f"{name}.md")
    is_page = path.parts[0] == "docs" and path.suffix == ".md" and path.parts[1] != "ablations"
    return f"[{text}]({os.path.relpath(path, Path('docs', page).parent)}{anchor})" if is_page else text


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", follow_repository)
    app.connect("autodoc-process-docstring", markdown_to_rst, priority=400)  # before napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}
