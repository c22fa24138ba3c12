"""The tokens of the times of frames, by hand."""

import pytest
import torch

from fila_video.conversion import train_tokenizer
from processing_fila.scene_times import count_digits, pad_time_ids, tokenize_times
from processing_fila.timestamps import time_text


def written(tokenizer, seconds: list[float], duration_seconds: float) -> list[str]:
    return [tokenizer.decode(row) for row in tokenize_times(tokenizer, seconds, duration_seconds)]


@pytest.mark.parametrize(
    ("seconds", "duration", "texts"),
    [
        # Times below ten have the same width as they are, whatever the length of the video.
        ([0.0, 9.8], 9.9, ["0.0", "9.8"]),
        ([0.0, 9.9], 12.0, ["0.0", "9.9"]),
        # One time of ten seconds or more is wider.
        ([0.0, 9.96], 10.0, ["00.0", "10.0"]),
        ([0.0, 60.0, 123.3], 123.4, ["000.0", "060.0", "123.3"]),
        ([0.0, 3.21, 99.96], 100.0, ["000.0", "003.2", "100.0"]),
    ],
)
def test_times_get_zeros_where_their_numbers_of_tokens_differ(seconds, duration, texts):
    tokenizer = train_tokenizer()
    assert written(tokenizer, seconds, duration) == texts
    assert tokenize_times(tokenizer, seconds, duration).shape == (len(texts), len(texts[0]))


def test_times_stay_as_they_are_where_whole_numbers_have_tokens():
    tokenizer = train_tokenizer()
    tokenizer.add_tokens(["11", "12"])
    assert written(tokenizer, [0.0, 3.2, 12.3], 12.4) == ["0.0", "3.2", "12.3"]


@pytest.mark.parametrize(
    ("seconds", "width", "text"),
    [(3.21, 5, "003.2"), (0, 3, "0.0"), (123.45, 5, "123.5"), (9.96, 4, "10.0"), (3.21, 0, "3.2")],
)
def test_a_time_is_written_with_zeros_up_to_its_width(seconds, width, text):
    assert time_text(seconds, width) == text


def test_a_tokenizer_that_joins_digits_is_refused():
    tokenizer = train_tokenizer()
    tokenizer.add_tokens(["00"])
    with pytest.raises(ValueError, match=r"same number of tokens each.* tokens of '00.0' and 4 of '12.3'"):
        tokenize_times(tokenizer, [0.0, 12.3], 12.4)


def test_times_of_several_videos_are_padded_and_their_tokens_can_be_counted():
    ids = pad_time_ids([torch.tensor([[1, 2], [3, 4]]), torch.tensor([[5, 6, 0]])])
    assert ids.tolist() == [[[1, 2, -1], [3, 4, -1]], [[5, 6, 0], [-1, -1, -1]]]
    assert [count_digits(of_video) for of_video in ids] == [2, 3]
