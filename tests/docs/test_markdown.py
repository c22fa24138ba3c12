"""The reader of Markdown that the other tests of this folder rely on."""

from tests.docs.markdown import CodeBlock, Document


TEXT = """\
# A title, with `code`

Text with [a link](other.md#part) and `python -m
program`, and [`code.py`](code.py).

```python
x = 1

y = 2
```

<!-- not run: needs a GPU -->
```python
z = 3
```

    make test      # a comment

    make lint

- an item
    that continues

## Part two
## Part two
"""


def read(tmp_path, text: str) -> Document:
    path = tmp_path / "document.md"
    path.write_text(text, encoding="utf-8")
    return Document(path)


def test_code_blocks(tmp_path):
    assert read(tmp_path, TEXT).blocks == [
        CodeBlock("python", "x = 1\n\ny = 2", 7),
        CodeBlock("python", "z = 3", 14, "needs a GPU"),
        CodeBlock("", "make test      # a comment\n\nmake lint", 17),
    ]


def test_inline_code_links_and_anchors(tmp_path):
    document = read(tmp_path, TEXT)
    assert document.inline_code == ["code", "python -m program", "code.py"]
    assert sorted(document.links) == ["code.py", "other.md#part"]
    assert document.anchors == {"a-title-with-code", "part-two", "part-two-1"}


def test_a_text_that_is_indented_right_after_a_line_is_no_code(tmp_path):
    assert read(tmp_path, "text\n    goes on\n").blocks == []
