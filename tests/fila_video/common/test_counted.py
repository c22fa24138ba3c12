"""Numbers of things in words."""

import pytest

from fila_video.common.counted import counted, were


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 clips were"), (1, "1 clip was"), (2, "2 clips were"), (11, "11 clips were")]
)
def test_one_thing_is_singular(number, words):
    assert f"{counted(number, 'clip')} {were(number)}" == words
