"""Which videos belong to which prompt of a batch, by hand. test_transformers_contract.py has whole generations."""

import pytest
import torch

from modeling_fila.video_generation import media_per_row, repeat_media


@pytest.mark.parametrize(
    ("num_placeholders", "lengths", "expected"),
    [
        ([5], [5], [1]),
        ([5, 9], [5, 9], [1, 1]),
        ([14, 5], [5, 9, 5], [2, 1]),
        ([5, 0, 5], [5, 5], [1, 0, 1]),
        ([0], [], [0]),
    ],
)
def test_videos_are_assigned_to_prompts_in_order(num_placeholders, lengths, expected):
    assert media_per_row(num_placeholders, lengths) == expected


@pytest.mark.parametrize(
    ("num_placeholders", "lengths"),
    [([5], [4]), ([5], [5, 5]), ([5, 5], [5]), ([7], [5, 5]), ([0], [5]), ([5], [])],
)
def test_counts_that_do_not_fit_are_both_named(num_placeholders, lengths):
    with pytest.raises(ValueError) as error:
        media_per_row(num_placeholders, lengths)
    assert str(num_placeholders) in str(error.value) and str(lengths) in str(error.value)


def test_the_videos_of_a_prompt_are_repeated_as_a_group():
    a, b, c = (torch.full((1,), value) for value in (0.0, 1.0, 2.0))
    repeated = repeat_media([a, b, c], counts=[2, 1], times=2)
    assert [int(video) for video in repeated] == [0, 1, 0, 1, 2, 2]
