"""Times of fixed width, and where their tokens stand, by hand."""

import pytest
import torch

from conversion_fila import train_tokenizer
from processing_fila.time_slots import find_slots, pad_time_ids, slot_width, time_text, tokenize_times


@pytest.mark.parametrize(
    ("seconds", "duration", "width"),
    # Times below ten are as wide as they are; one of ten or more is wider, whatever the length.
    [([0.0, 9.8], 9.9, 0), ([0.0, 9.9], 12.0, 0), ([0.0, 9.96], 10.0, 4), ([0.0, 60.0, 123.3], 123.4, 5)],
)
def test_times_are_filled_up_where_their_tokens_differ(seconds, duration, width):
    assert slot_width(train_tokenizer(), seconds, duration) == width


def test_times_stay_as_they_are_where_whole_numbers_have_tokens():
    tokenizer = train_tokenizer()
    tokenizer.add_tokens(["11", "12"])
    assert slot_width(tokenizer, [0.0, 3.2, 12.3], 12.4) == 0
    assert slot_width(tokenizer, [0.0, 3.2, 13.3], 13.4) == len("13.4")
    assert tokenizer.batch_decode(tokenize_times(tokenizer, [3.2, 12.3], 0)) == ["3.2", "12.3"]


@pytest.mark.parametrize(
    ("seconds", "width", "text"),
    [(3.21, 5, "003.2"), (0, 3, "0.0"), (123.45, 5, "123.5"), (9.96, 4, "10.0"), (3.21, 0, "3.2")],
)
def test_times_are_filled_up_with_zeros(seconds, width, text):
    assert time_text(seconds, width) == text


def test_every_time_has_as_many_tokens():
    tokenizer = train_tokenizer()
    ids = tokenize_times(tokenizer, [0.0, 3.21, 99.96], 5)
    assert [tokenizer.decode(row) for row in ids] == ["000.0", "003.2", "100.0"]
    assert ids.shape == (3, 5)


def test_a_tokenizer_that_joins_digits_is_refused():
    tokenizer = train_tokenizer()
    tokenizer.add_tokens(["00"])
    with pytest.raises(ValueError, match=r"as many tokens each.* tokens of '00.0' and 4 of '12.3'"):
        tokenize_times(tokenizer, [0.0, 12.3], 4)


def test_times_of_several_videos_are_filled_up():
    ids = pad_time_ids([torch.tensor([[1, 2], [3, 4]]), torch.tensor([[5, 6, 7]])])
    assert ids.tolist() == [[[1, 2, 0], [3, 4, 0]], [[5, 6, 7], [0, 0, 0]]]


def test_slots_are_found_by_their_characters():
    # "<pad> at 0.0, 0.0 s"
    offsets = [(0, 0), (0, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 7), (7, 8), (8, 9), (9, 10), (10, 11), (11, 13)]
    assert find_slots(offsets, [(3, 6), (8, 11)], 3) == [
        (3, 0, 0),
        (4, 0, 1),
        (5, 0, 2),
        (8, 1, 0),
        (9, 1, 1),
        (10, 1, 2),
    ]


@pytest.mark.parametrize("side", ["left", "right"])
def test_what_is_found_of_many_slots_is_their_text(side):
    """With the padding of a shorter prompt on either side."""
    tokenizer, slots = train_tokenizer(), ["012.3"] * 40
    text = "times: " + ", ".join(slots) + " and 7.5 for how long?"
    spans = [(start, start + 5) for start in range(7, 7 * 41, 7)]
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, offsets, padding = encoded["input_ids"], encoded["offset_mapping"], [(0, 0)] * 3
    before = 3 if side == "left" else 0
    offsets = padding + offsets if side == "left" else offsets + padding
    found = find_slots(offsets, spans, 5)
    assert [(slot, digit) for _, slot, digit in found] == [(slot, digit) for slot in range(40) for digit in range(5)]
    assert tokenizer.decode([ids[token - before] for token, *_ in found]) == "".join(slots)


def test_a_token_that_reaches_into_two_slots_counts_for_both():
    assert find_slots([(0, 2), (2, 4), (4, 6)], [(0, 3), (3, 6)], 2) == [(0, 0, 0), (1, 0, 1), (1, 1, 0), (2, 1, 1)]


def test_a_slot_that_is_joined_with_its_neighbour_is_refused():
    with pytest.raises(ValueError, match="has 2 tokens in the prompt, but 3 alone"):
        find_slots([(0, 3), (3, 5), (5, 6)], [(3, 6)], 3)
