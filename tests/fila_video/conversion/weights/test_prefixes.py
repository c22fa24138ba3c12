"""Replacing prefixes of names, and reversing tables of prefixes."""

import pytest

from fila_video.conversion.formats import key_maps
from fila_video.conversion.weights.prefixes import replace_prefix, reversed_prefixes


@pytest.mark.parametrize("name", ["optimizer.step", "xmodel.norm.weight", "model.faster_token", ""])
def test_a_name_without_a_known_prefix_has_no_new_name(name):
    assert replace_prefix(name, key_maps.LLAVA_NEXT) is None


def test_the_longest_prefix_counts():
    assert replace_prefix("a.b.c", {"a.": "x.", "a.b.": "y.", "b.": "z."}) == "y.c"


def test_a_table_that_replaces_two_prefixes_by_the_same_one_cannot_be_reversed():
    with pytest.raises(ValueError, match="cannot be reversed"):
        reversed_prefixes({"a.": "c.", "b.": "c."})
