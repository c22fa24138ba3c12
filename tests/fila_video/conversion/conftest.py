"""Sources that several tests convert."""

import pytest
from transformers import Qwen2Tokenizer

from fila_video.conversion.tokenizer import CORPUS
from tests.fila_video.conversion.sources import write_qwen2, write_siglip


@pytest.fixture(scope="session")
def siglip(tmp_path_factory):
    """The folder of a SigLIP checkpoint."""
    return str(write_siglip(tmp_path_factory.mktemp("tower") / "siglip"))


@pytest.fixture(scope="session")
def bare(tmp_path_factory):
    """A language model whose tokenizer lacks the placeholders, with exactly one row per token; the number of tokens."""
    untrained = Qwen2Tokenizer(eos_token="<|endoftext|>")
    tokenizer = untrained.train_new_from_iterator(
        CORPUS, vocab_size=700, new_special_tokens=["<|im_start|>", "<|im_end|>"], show_progress=False
    )
    folder = write_qwen2(tmp_path_factory.mktemp("bare") / "qwen2", vocab_size=len(tokenizer))
    tokenizer.save_pretrained(folder)
    assert len(tokenizer) % 64 != 0
    return folder, len(tokenizer)
