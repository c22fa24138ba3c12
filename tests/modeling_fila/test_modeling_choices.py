"""The shared checks of arguments, and the lists that the processor has as well."""

import pytest

from modeling_fila import modeling_choices
from modeling_fila.modeling_choices import check_at_least, check_choice
from processing_fila import video_tokens


@pytest.mark.parametrize("name", ["SPATIAL_POOL_MODES", "NEWLINE_POSITIONS"])
def test_model_and_processor_have_the_same_choices(name):
    assert getattr(modeling_choices, name) == getattr(video_tokens, name)


def test_an_unknown_choice_is_named():
    check_choice("mode", "a", ("a", "b"))
    with pytest.raises(ValueError, match="mode='c' is unknown; choose one of 'a', 'b'"):
        check_choice("mode", "c", ("a", "b"))


@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_value_that_is_too_small_is_named(value):
    check_at_least("size", 1, 1)
    with pytest.raises(ValueError, match=f"size={value} must be at least 1"):
        check_at_least("size", value, 1)
