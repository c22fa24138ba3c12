"""Untrained checkpoints: complete, loadable, and written without the whole model in memory."""

import json
import subprocess
import sys

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForImageTextToText, AutoProcessor, AutoTokenizer, GenerationConfig

from configuration_fila import FilaVideoConfig
from fila_video.conversion import write_scratch_checkpoint
from fila_video.conversion.scratch import paper_config
from fila_video.conversion.tokenizer import train_tokenizer
from fila_video.conversion.weights.initial_weights import initial_weights
from modeling_fila import FilaVideoForConditionalGeneration
from processing_fila import FilaVideoProcessor
from tests.environment import REPOSITORY


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scratch") / "tiny"
    write_scratch_checkpoint("tiny", folder)
    return folder


def test_the_folder_is_whole(tiny):
    model, report = AutoModelForImageTextToText.from_pretrained(tiny, output_loading_info=True)
    assert isinstance(model, FilaVideoForConditionalGeneration)
    assert not any(report[name] for name in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert isinstance(AutoProcessor.from_pretrained(tiny), FilaVideoProcessor)


def test_configuration_processor_and_tokenizer_agree(tiny):
    config, processor = FilaVideoConfig.from_pretrained(tiny), AutoProcessor.from_pretrained(tiny)
    assert processor.video_token_id == config.video_token_id
    assert processor.tokenizer.convert_tokens_to_ids("<image>") == config.image_token_id
    assert len(processor.tokenizer) <= config.text_config.vocab_size
    assert processor.num_scenes == config.num_scenes == 32
    assert processor.patches_per_side == config.patches_per_side
    assert processor.video_processor.size["height"] == config.vision_config.image_size
    assert config.text_config.eos_token_id == processor.tokenizer.eos_token_id


def test_generation_ends_is_greedy_and_never_writes_a_placeholder(tiny):
    config, generation = FilaVideoConfig.from_pretrained(tiny), GenerationConfig.from_pretrained(tiny)
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    assert generation.do_sample is False and generation.max_new_tokens > 0
    assert tokenizer.convert_tokens_to_ids("<|im_end|>") in generation.eos_token_id
    assert generation.pad_token_id == tokenizer.pad_token_id
    assert set(generation.suppress_tokens) == {config.image_token_id, config.video_token_id}


def test_weights_are_initialized_as_in_transformers(tiny):
    """Mean and standard deviation are those of transformers, and merging starts as a mean."""
    ours = FilaVideoForConditionalGeneration.from_pretrained(tiny)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = FilaVideoForConditionalGeneration(FilaVideoConfig.from_pretrained(tiny))
    for (name, weight), (_, expected) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        spread = 0.3 if weight.numel() > 500 else 0.6  # The deviation of a few numbers is uncertain.
        torch.testing.assert_close(weight.std(), expected.std(), rtol=spread, atol=1e-6, msg=name)
        torch.testing.assert_close(weight.mean(), expected.mean(), rtol=0.1, atol=0.1, msg=name)
    assert torch.equal(ours.model.scene_merging.weight, torch.full((3, 16, 32), 1 / 3))


def test_the_same_seed_gives_the_same_weights_and_leaves_the_global_generator_alone(tmp_path, tiny):
    state = torch.get_rng_state()
    write_scratch_checkpoint("tiny", tmp_path / "same")
    write_scratch_checkpoint("tiny", tmp_path / "other", seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    weights = (tiny / "model.safetensors").read_bytes()
    assert (tmp_path / "same" / "model.safetensors").read_bytes() == weights
    assert (tmp_path / "other" / "model.safetensors").read_bytes() != weights


def test_shards_and_index_hold_the_same_weights(tmp_path, tiny):
    write_scratch_checkpoint("tiny", tmp_path / "sharded", max_shard_bytes=200_000)
    index = json.loads((tmp_path / "sharded" / "model.safetensors.index.json").read_text())
    files = sorted(set(index["weight_map"].values()))
    assert len(files) > 3
    assert all((tmp_path / "sharded" / file).stat().st_size < 210_000 for file in files)
    whole = FilaVideoForConditionalGeneration.from_pretrained(tiny).state_dict()
    sharded = FilaVideoForConditionalGeneration.from_pretrained(tmp_path / "sharded").state_dict()
    assert all(torch.equal(weight, sharded[name]) for name, weight in whole.items())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_come_in_the_dtype_asked_for(tmp_path, dtype):
    write_scratch_checkpoint("tiny", tmp_path / "half", dtype=dtype)
    with safe_open(tmp_path / "half" / "model.safetensors", "pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {dtype}
    assert AutoModelForImageTextToText.from_pretrained(tmp_path / "half").dtype == dtype


def test_the_large_checkpoint_is_the_papers_model():
    config = paper_config(train_tokenizer())
    assert (config.text_config.hidden_size, config.text_config.num_hidden_layers) == (3584, 28)
    with torch.device("meta"):
        model = FilaVideoForConditionalGeneration(config)
    # Qwen2-7B 7.62e9, SigLIP so400m without its last layer and head 0.40e9, projector 17e6, merging 2.5e6
    assert round(model.num_parameters() / 1e9, 1) == 8.0
    assert model.model.scene_merging.weight.numel() == 3 * 729 * 1152


@torch.no_grad()
def test_weights_are_made_layer_by_layer():
    config = FilaVideoConfig(text_config={"hidden_size": 64, "num_hidden_layers": 3, "vocab_size": 64})
    with torch.device("meta"):
        model = FilaVideoForConditionalGeneration(config)
    largest = 0
    for name, _ in initial_weights(model):
        in_memory = sum(p.numel() for p in model.parameters() if p.device.type == "cpu")
        largest = max(largest, in_memory)
        assert name in model.state_dict()
    assert largest < 0.2 * model.num_parameters()


@pytest.mark.slow
def test_memory_is_bounded_by_a_shard(tmp_path):
    """A 2.6 GB checkpoint in shards of 0.5 GB."""
    code = """
import sys, torch
from configuration_fila import FilaVideoConfig
import fila_video.conversion.scratch as scratch
from tests.peak_memory import peak_bytes
def medium(tokenizer):
    # The system gets the memory of matrices as large as those of a 7B model back as soon as they are freed. The C
    # library may keep that of smaller ones.
    text = {"hidden_size": 2048, "intermediate_size": 16384, "num_hidden_layers": 12, "num_attention_heads": 16,
            "num_key_value_heads": 2}
    config = FilaVideoConfig(vision_config=scratch.TINY_VISION, text_config=text)
    return scratch._with_tokens(config, tokenizer, vocab_size=4096)
scratch.SIZES["medium"] = (medium, torch.bfloat16)
before = peak_bytes()
scratch.write_scratch_checkpoint("medium", sys.argv[1], max_shard_bytes=5 * 10**8)
print(peak_bytes() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "medium")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    grown_bytes = int(done.stdout.split()[-1])
    total = sum(file.stat().st_size for file in (tmp_path / "medium").glob("*.safetensors"))
    assert total > 2.4e9
    assert grown_bytes < 1.0e9
