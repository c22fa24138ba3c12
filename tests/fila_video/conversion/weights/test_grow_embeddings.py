"""Every token has a row: embeddings and head grow as in transformers, and new rows are the mean of the old."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoTokenizer, Qwen2ForCausalLM

from convert_checkpoint import convert_checkpoint
from fila_video.conversion import ConversionError
from tests.fila_video.conversion.sources import write_qwen2


def test_rows_grow_to_a_multiple_of_64_and_are_the_mean(bare, siglip, tmp_path):
    folder, num_tokens = bare
    parity = convert_checkpoint(folder, tmp_path / "out", vision_tower=siglip)
    assert parity.differences["text"] < 1e-5  # Of the tokens that both know.
    old, new = load_file(folder / "model.safetensors"), load_file(tmp_path / "out" / "model.safetensors")
    expected_rows = -(-(num_tokens + 2) // 64) * 64
    for theirs, ours in (
        ("model.embed_tokens.weight", "model.language_model.embed_tokens.weight"),
        ("lm_head.weight", "lm_head.weight"),
    ):
        assert new[ours].shape == (expected_rows, 48)
        assert torch.equal(new[ours][:num_tokens], old[theirs])
        mean = old[theirs].mean(dim=0).expand(expected_rows - num_tokens, -1)
        torch.testing.assert_close(new[ours][num_tokens:], mean, rtol=0, atol=1e-7)
    assert AutoConfig.from_pretrained(tmp_path / "out").text_config.vocab_size == expected_rows
    key_map = convert_checkpoint(folder, tmp_path / "no", vision_tower=siglip, dry_run=True)
    assert f"rows {num_tokens} -> {expected_rows}, new rows are the mean of the old" in key_map


def test_the_number_of_rows_is_the_same_as_in_transformers(bare, siglip, tmp_path):
    folder, num_tokens = bare
    convert_checkpoint(folder, tmp_path / "out", vision_tower=siglip, parity=False)
    theirs = Qwen2ForCausalLM.from_pretrained(folder)
    theirs.resize_token_embeddings(num_tokens + 2, pad_to_multiple_of=64, mean_resizing=False)
    assert AutoConfig.from_pretrained(tmp_path / "out").text_config.vocab_size == theirs.config.vocab_size


def test_embeddings_with_enough_rows_stay_as_they_are(siglip, tmp_path):
    """As in the 7B model: 152064 rows, 151648 tokens."""
    source = write_qwen2(tmp_path / "qwen2")
    convert_checkpoint(source, tmp_path / "out", vision_tower=siglip, parity=False)
    old, new = load_file(source / "model.safetensors"), load_file(tmp_path / "out" / "model.safetensors")
    assert torch.equal(new["model.language_model.embed_tokens.weight"], old["model.embed_tokens.weight"])


def test_tied_embeddings_grow_once(bare, siglip, tmp_path):
    folder, num_tokens = bare
    model = Qwen2ForCausalLM.from_pretrained(folder)
    model.config.tie_word_embeddings = True
    model.tie_weights()
    model.save_pretrained(tmp_path / "tied")
    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path / "tied")
    assert convert_checkpoint(tmp_path / "tied", tmp_path / "out", vision_tower=siglip).differences["text"] < 1e-5
    assert "lm_head.weight" not in load_file(tmp_path / "out" / "model.safetensors")


def test_rows_are_counted_in_the_file(bare, siglip, tmp_path):
    """In some configurations, `vocab_size` differs from the number of rows in the file."""
    folder, num_tokens = bare
    shutil.copytree(folder, tmp_path / "source")
    config = json.loads((folder / "config.json").read_text())
    (tmp_path / "source" / "config.json").write_text(json.dumps({**config, "vocab_size": 9}))
    convert_checkpoint(tmp_path / "source", tmp_path / "out", vision_tower=siglip, parity=False)
    assert AutoConfig.from_pretrained(tmp_path / "out").text_config.vocab_size > num_tokens


def test_a_head_of_another_size_is_refused(bare, siglip, tmp_path):
    shutil.copytree(bare[0], tmp_path / "source")
    path = tmp_path / "source" / "model.safetensors"
    save_file({**load_file(path), "lm_head.weight": torch.zeros(5, 48)}, path)
    with pytest.raises(ConversionError, match=r"lm_head.weight: \(5, 48\) in lm_head.weight"):
        convert_checkpoint(tmp_path / "source", tmp_path / "out", vision_tower=siglip)
