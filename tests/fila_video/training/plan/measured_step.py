"""
Runs a training step on the CPU and prints, as JSON, the peak of its memory in bytes without what was in use before.

test_memory_plan.py runs this in a separate process.
"""

import json
import sys

import torch

from fila_video.training.model.gradient_checkpointing import enable_gradient_checkpointing
from fila_video.training.model.trained_parts import freeze_all_but
from modeling_fila import FilaVideoConfig, FilaVideoForConditionalGeneration
from tests.peak_memory import peak_bytes


def main() -> None:
    asked = json.loads(sys.argv[1])
    warm_up()
    before = peak_bytes()
    config = FilaVideoConfig(**asked["config"])
    model = FilaVideoForConditionalGeneration(config).train()
    freeze_all_but(model, asked["trained"])
    if asked["gradient_checkpointing"]:
        enable_gradient_checkpointing(model)
    optimizer = torch.optim.AdamW([parameter for parameter in model.parameters() if parameter.requires_grad])
    side = config.vision_config.image_size
    for _ in range(2):  # the optimizer's state exists from the second step on
        pixels = torch.randn(1, asked["num_frames"], 3, side, side)
        num_visual = len(model.model.get_video_features(pixels, return_dict=True).pooler_output[0].detach())
        ids = torch.tensor([[config.video_token_id] * num_visual + [5] * asked["text_tokens"]])
        loss = model(input_ids=ids, pixel_values_videos=pixels, labels=ids, use_cache=False).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    print(json.dumps(peak_bytes() - before))


def warm_up() -> None:
    """Lets libraries allocate what they allocate only once: it is not part of the step."""
    layer = torch.nn.Linear(64, 64)
    layer(torch.randn(64, 64)).sum().backward()
    torch.optim.AdamW(layer.parameters()).step()


if __name__ == "__main__":
    main()
