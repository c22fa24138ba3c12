"""The planned memory of a step, compared with a measured step."""

import json
import os
import subprocess
import sys

import pytest
import torch

from fila_video.conversion.weights.initial_weights import model_on_meta
from fila_video.training.model.trained_parts import PARTS, freeze_all_but
from fila_video.training.plan.activations import count_activations
from fila_video.training.plan.memory_plan import plan_memory
from modeling_fila import FilaVideoConfig, FilaVideoForConditionalGeneration
from tests.environment import REPOSITORY


GIB = 2**30
# 60 million parameters, 24 frames of 196 patches, and a vocabulary so large that the logits matter.
CONFIG = {
    "vision_config": {
        "model_type": "siglip_vision_model",
        "hidden_size": 384,
        "intermediate_size": 1536,
        "num_hidden_layers": 6,
        "num_attention_heads": 6,
        "image_size": 224,
        "patch_size": 16,
        "vision_use_head": False,
    },
    "text_config": {
        "model_type": "qwen2",
        "vocab_size": 16384,
        "hidden_size": 512,
        "intermediate_size": 2048,
        "num_hidden_layers": 8,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
    },
    "image_token_id": 16382,
    "video_token_id": 16383,
    "num_frames": 24,
    "num_scenes": 8,
    "scene_selection": "uniform",
    "frames_per_chunk": 8,
}
TEXT_TOKENS = 512


def measured(trained: list[str], *, gradient_checkpointing: bool) -> int:
    asked = {
        "config": CONFIG,
        "trained": trained,
        "gradient_checkpointing": gradient_checkpointing,
        "num_frames": CONFIG["num_frames"],
        "text_tokens": TEXT_TOKENS,
    }
    # malloc returns freed memory at once: memory that it keeps for later is not part of the plan.
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}
    command = [sys.executable, "-m", "tests.fila_video.training.plan.measured_step", json.dumps(asked)]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def planned(trained: list[str], *, gradient_checkpointing: bool) -> int:
    config = FilaVideoConfig(**CONFIG)
    config.dtype = torch.float32
    model = model_on_meta(FilaVideoForConditionalGeneration, config)
    freeze_all_but(model, trained)
    activations = count_activations(
        model,
        modality="video",
        num_frames=CONFIG["num_frames"],
        text_tokens=TEXT_TOKENS,
        batch_size=1,
        gradient_checkpointing=gradient_checkpointing,
    )
    return plan_memory(model, activations, num_gpus=1, is_bf16=False).total


@pytest.mark.slow
@pytest.mark.parametrize("gradient_checkpointing", [False, True])
@pytest.mark.parametrize("trained", [["multi_modal_projector"], list(PARTS)], ids=["stage 1", "stage 4"])
def test_the_plan_is_what_a_step_takes(trained, gradient_checkpointing):
    found = measured(trained, gradient_checkpointing=gradient_checkpointing)
    plan = planned(trained, gradient_checkpointing=gradient_checkpointing)
    print(f"\nplanned {plan / 2**20:.0f} MiB, measured {found / 2**20:.0f} MiB")
    assert plan == pytest.approx(found, rel=0.15)
