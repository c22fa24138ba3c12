"""
A training step on the processor, and the most memory that it took beside what was there before the model: run by
test_memory_plan.py in a process of its own. Prints bytes as JSON.
"""

import json
import sys

import torch

from modeling_fila import FilaVideoConfig, FilaVideoForConditionalGeneration
from tests.peak_memory import peak_bytes
from training_fila.model import checkpoint_activations
from training_fila.parts import freeze_all_but


def main() -> None:
    asked = json.loads(sys.argv[1])
    warm_up()
    before = peak_bytes()
    config = FilaVideoConfig(**asked["config"])
    model = FilaVideoForConditionalGeneration(config).train()
    freeze_all_but(model, asked["trained"])
    if asked["gradient_checkpointing"]:
        checkpoint_activations(model)
    optimizer = torch.optim.AdamW([parameter for parameter in model.parameters() if parameter.requires_grad])
    side = config.vision_config.image_size
    for _ in range(2):  # the optimiser's state is there from the second step on
        pixels = torch.randn(1, asked["num_frames"], 3, side, side)
        num_visual = len(model.model.get_video_features(pixels, return_dict=True).pooler_output[0].detach())
        ids = torch.tensor([[config.video_token_id] * num_visual + [5] * asked["text_tokens"]])
        loss = model(input_ids=ids, pixel_values_videos=pixels, labels=ids, use_cache=False).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    print(json.dumps(peak_bytes() - before))


def warm_up() -> None:
    """What libraries allocate once is not the step's."""
    layer = torch.nn.Linear(64, 64)
    layer(torch.randn(64, 64)).sum().backward()
    torch.optim.AdamW(layer.parameters()).step()


if __name__ == "__main__":
    main()
