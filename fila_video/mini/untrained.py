"""Writes the untrained small model that the stages start from.

Its weights are random, with two exceptions that save training steps: embeddings of numbers start in order, and two
heads start with the ability to look back to the time of a scene and to the scene before.
"""

import math
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase

from fila_video.conversion.checkpoint_folder import generation_config, save_config_and_processor, unfinished_folder
from modeling_fila import FilaVideoForConditionalGeneration
from processing_fila import FilaVideoProcessor

from .architecture import mini_config
from .tokenizer import WHOLE_NUMBERS, mini_tokenizer


PERIODS = (0.6, 256.0)  # shortest and longest period, in seconds, of the waves that represent numbers
# Distances in tokens from the visual token of a scene back to its whole seconds ("5" of "<5.3 seconds>"), and to the
# visual token of the scene before.
LOOK_BACK = (3, 5)
# The number of short waves that a head uses, and their size. With this size, a head attends to almost nothing else.
LOOK_BACK_WAVES, LOOK_BACK_SIZE = 10, 6.0
# The small share of its random weights that such a head keeps.
LOOK_BACK_WEIGHT_SHARE = 0.1


def write_untrained(output: Path, *, seed: int, tower: dict[str, torch.Tensor] | None = None) -> None:
    """
    Writes the untrained checkpoint.

    Args:
        output: A folder that does not exist yet.
        seed: Seed of the weights.
        tower: Weights of the vision tower by their names within it. Default: untrained weights.

    Raises:
        FileExistsError: If the folder is not empty.
    """
    tokenizer = mini_tokenizer()
    config = mini_config(tokenizer)
    with torch.random.fork_rng(devices=[]), unfinished_folder(output) as folder:
        torch.manual_seed(seed)
        model = FilaVideoForConditionalGeneration(config)
        _order_numbers(model, tokenizer)
        _look_back(model)
        if tower is not None:
            model.model.vision_tower.load_state_dict(tower)
        model.generation_config = generation_config(config, tokenizer)
        save_config_and_processor(folder, config, tokenizer)
        model.save_pretrained(folder)
        processor = FilaVideoProcessor.from_pretrained(folder)
        processor.timestamps = "interleaved"
        processor.save_pretrained(folder)


def _order_numbers(model: FilaVideoForConditionalGeneration, tokenizer: PreTrainedTokenizerBase) -> None:
    """
    Initializes one half of the embeddings of whole numbers as waves of their value; the other half stays random.

    Numbers that are close to each other then have similar embeddings from the first step.
    """
    embeddings = model.get_input_embeddings().weight.detach()  # (vocabulary, width)
    numbers = [*map(str, range(10)), *WHOLE_NUMBERS]
    rows = torch.tensor([tokenizer.encode(text, add_special_tokens=False) for text in numbers]).squeeze(1)
    values = torch.tensor([float(text) for text in numbers])
    num_waves = embeddings.shape[1] // 4
    shortest, longest = PERIODS
    periods = shortest * (longest / shortest) ** torch.linspace(0, 1, num_waves)
    angles = 2 * math.pi * values[:, None] / periods  # (numbers, waves)
    waves = torch.cat([angles.sin(), angles.cos()], dim=1) * embeddings.std() * math.sqrt(2)
    embeddings[rows, : 2 * num_waves] = waves


def _look_back(model: FilaVideoForConditionalGeneration) -> None:
    """
    Initializes one head of the first layer for each distance in `LOOK_BACK`, to attend to the token at that distance.

    Pretrained language models have learned such heads from text. Without them, look-ups in time are learned later
    (docs/log.md). Rotary embeddings rotate queries and keys by their position. Biases alone, with the query's bias
    rotated ahead by the distance, therefore agree best at that distance.
    """
    language_model = model.model.language_model
    attention, frequencies = language_model.layers[0].self_attn, language_model.rotary_emb.inv_freq  # (head_dim / 2,)
    size = torch.zeros_like(frequencies)
    size[:LOOK_BACK_WAVES] = LOOK_BACK_SIZE
    for head, distance in enumerate(LOOK_BACK):
        rows = slice(head * attention.head_dim, (head + 1) * attention.head_dim)
        angles = frequencies * distance
        attention.k_proj.bias.detach()[rows] = torch.cat([size, torch.zeros_like(size)])
        attention.q_proj.bias.detach()[rows] = torch.cat([size * angles.cos(), -size * angles.sin()])
        for projection in (attention.q_proj, attention.k_proj):
            projection.weight.detach()[rows] *= LOOK_BACK_WEIGHT_SHARE  # the head hardly depends on what the tokens are
