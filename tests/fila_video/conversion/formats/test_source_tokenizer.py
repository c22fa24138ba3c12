"""The tokenizer of a source: it gets the placeholders, and a tokenizer of another kind is refused."""

import pytest
from transformers import AutoConfig, AutoProcessor, GenerationConfig, Qwen2Tokenizer

from convert_checkpoint import convert_checkpoint
from fila_video.conversion import ConversionError
from tests.fila_video.conversion.sources import write_qwen2


def test_placeholders_turns_and_padding(bare, siglip, tmp_path):
    folder, num_tokens = bare
    convert_checkpoint(folder, tmp_path / "out", vision_tower=siglip, parity=False)
    config, processor = AutoConfig.from_pretrained(tmp_path / "out"), AutoProcessor.from_pretrained(tmp_path / "out")
    assert (config.image_token_id, config.video_token_id) == (num_tokens, num_tokens + 1)
    assert (processor.image_token_id, processor.video_token_id) == (num_tokens, num_tokens + 1)
    tokenizer = processor.tokenizer
    assert (tokenizer.padding_side, tokenizer.eos_token, tokenizer.pad_token) == ("left", "<|im_end|>", "<|endoftext|>")
    ends = tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    generation = GenerationConfig.from_pretrained(tmp_path / "out")
    assert sorted(generation.eos_token_id) == sorted(ends) and generation.pad_token_id == tokenizer.pad_token_id
    assert generation.suppress_tokens == [num_tokens, num_tokens + 1]
    assert (tmp_path / "out" / "chat_template.jinja").is_file()


def test_a_tokenizer_of_another_kind_is_refused(siglip, tmp_path):
    source = write_qwen2(tmp_path / "qwen2")
    for path in source.glob("token*"):
        path.unlink()
    Qwen2Tokenizer().train_new_from_iterator(["a b c"], vocab_size=300, show_progress=False).save_pretrained(source)
    with pytest.raises(ConversionError, match=r"does not know <\|im_start\|>, <\|im_end\|>: it is not Qwen2's"):
        convert_checkpoint(source, tmp_path / "out", vision_tower=siglip)
