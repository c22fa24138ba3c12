"""The tokenizer of untrained checkpoints: it is like Qwen2's, and encodes any text exactly."""

import pytest
from transformers import AutoTokenizer, Qwen2Tokenizer

from fila_video.conversion import train_tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer()


@pytest.mark.parametrize("text", ["What happens?", "naïve café 日本語 😀", "  two\n\n\tlines ", "3.14159", "\x00\xff"])
def test_any_text_comes_back_exactly(tokenizer, text):
    assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_special_tokens_are_one_token_each(tokenizer):
    for token in ("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<image>", "<video>"):
        assert tokenizer(f"a{token}b").input_ids.count(tokenizer.convert_tokens_to_ids(token)) == 1
        assert tokenizer.decode(tokenizer(token).input_ids, skip_special_tokens=True) == ""


def test_numbers_are_split_into_digits_as_qwen2_does(tokenizer):
    assert tokenizer.tokenize("12.5 seconds")[:4] == ["1", "2", ".", "5"]


def test_it_pads_on_the_left_and_ends_turns(tokenizer):
    assert (tokenizer.padding_side, tokenizer.eos_token, tokenizer.pad_token) == ("left", "<|im_end|>", "<|endoftext|>")


def test_training_is_repeatable(tokenizer):
    assert train_tokenizer().get_vocab() == tokenizer.get_vocab()


def test_saved_and_loaded_it_is_the_same(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert isinstance(loaded, Qwen2Tokenizer)
    text = "<|im_start|>user\n<video>What happens?<|im_end|>"
    assert loaded(text).input_ids == tokenizer(text).input_ids
    assert loaded.padding_side == "left" and loaded.model_max_length == tokenizer.model_max_length == 32768
