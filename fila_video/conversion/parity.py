"""Compares the logits of a converted model with those of its source, on the same prompts."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from PIL import Image
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from configuration_fila import FilaVideoConfig
from fila_video.common.loading import no_bars_if_small

from .errors import ConversionError
from .formats.source_model import ReferenceModel
from .processor import build_processor


QUESTION = "<|im_start|>user\n{}What happens?<|im_end|>\n<|im_start|>assistant\n"
MEDIA = {"text": "", "image": "<image>\n", "video": "<video>\n"}
NUM_FRAMES = 4
# In float32, two implementations of the same model differ by far less, and two different models by far more.
LARGEST_DIFFERENCE = 1e-2
# The memory that a model needs to run, as a multiple of the size of its weights.
MEMORY_FACTOR = 1.3


@dataclass(frozen=True)
class Parity:
    """
    Args:
        reference: Name of the model that was compared.
        differences: For each kind of prompt, the largest difference between two logits, in float32.
        not_run: The reason why nothing was compared; empty if the models were compared.
    """

    reference: str
    differences: dict[str, float] = field(default_factory=dict)
    not_run: str = ""

    def __str__(self) -> str:
        if self.not_run:
            return f"Parity with {self.reference} was not checked: {self.not_run}"
        numbers = ", ".join(f"{kind} {difference:.1e}" for kind, difference in self.differences.items())
        left_out = [kind for kind in MEDIA if kind not in self.differences]
        rest = f"; {' and '.join(left_out)} cannot be compared with it" if left_out else ""
        return f"Largest logit difference to {self.reference}, in float32: {numbers}{rest}"


def measure_parity(
    model_class: type[PreTrainedModel],
    folder: Path,
    config: FilaVideoConfig,
    tokenizer: PreTrainedTokenizerBase,
    reference: ReferenceModel,
    num_parameters: int,
) -> Parity:
    """
    Runs both models, one after the other, on a question, a question about an image and a question about a clip.

    The clip has at most as many frames as each model has scenes. So every frame is a scene of its own, and merging,
    which starts as a mean, changes nothing.

    Args:
        model_class: Class of the converted model.
        folder: Folder of the converted model.
        config: Its configuration, as FiLA-Video.
        tokenizer: Its tokenizer.
        reference: The source.
        num_parameters: Number of parameters of the converted model, from which the necessary memory follows.

    Returns:
        The differences, or the reason why the models were not compared: not enough free memory.

    Raises:
        ConversionError: If the models differ by more than rounding.
    """
    needed = MEMORY_FACTOR * 4 * num_parameters
    available = psutil.virtual_memory().available
    if needed > available:
        memory = f"it needs {needed / 1e9:.0f} GB of memory, but only {available / 1e9:.0f} GB are free."
        return Parity(reference.name, not_run=memory)
    own_limit = None if config.scene_merging == "none" else config.num_scenes
    num_frames = min(limit for limit in (NUM_FRAMES, own_limit, reference.max_frames) if limit is not None)
    prompts = {kind: _prompt(kind, num_frames, config, tokenizer) for kind in reference.kinds}
    with no_bars_if_small(folder):  # the source has about the same size
        expected = _answers(reference.load(), prompts, rounded_to=config.dtype)
        answers = _answers(model_class.from_pretrained(folder, dtype=torch.float32), prompts)
    parity = Parity(reference.name, {kind: _difference(answers[kind], expected[kind]) for kind in prompts})
    if not all(difference < LARGEST_DIFFERENCE for difference in parity.differences.values()):
        raise ConversionError(f"The converted model does not give the same answers as its source. {parity}")
    return parity


def parity_clip(num_frames: int, side: int) -> np.ndarray:
    """Draws a square that moves over a gradient: (num_frames, side, side, 3) in uint8."""
    rows, columns = np.mgrid[0:side, 0:side]
    gradient = np.stack([rows, columns, rows[::-1]], axis=-1) * 255 // side
    frames = np.repeat(gradient[None].astype(np.uint8), num_frames, axis=0)
    size = side // 4
    for index, frame in enumerate(frames):
        start = index * (side - size) // num_frames
        frame[start : start + size, start : start + size] = (255, 40 * index % 256, 0)
    return frames


def _prompt(
    kind: str, num_frames: int, config: FilaVideoConfig, tokenizer: PreTrainedTokenizerBase
) -> dict[str, torch.Tensor]:
    clip = parity_clip(num_frames, config.vision_config.image_size)
    media: dict[str, dict[str, Any]] = {
        "text": {},
        "image": {"images": [Image.fromarray(clip[0])]},
        "video": {"videos": [clip]},
    }
    # The frame mask is left out below, because transformers' class does not take it. No frame is padding.
    options: dict[str, Any] = {"timestamps": "none", "do_sample_frames": False} if kind == "video" else {}
    inputs = build_processor(config, tokenizer)(
        text=[QUESTION.format(MEDIA[kind])], **media[kind], **options, return_tensors="pt"
    )
    names = ("input_ids", "attention_mask", "pixel_values", "image_sizes", "pixel_values_videos")
    return {name: inputs[name] for name in names if name in inputs}


@torch.no_grad()
def _answers(
    model: PreTrainedModel, prompts: dict[str, dict[str, torch.Tensor]], rounded_to: torch.dtype | None = None
) -> dict[str, torch.Tensor]:
    """Returns logits (1, T, vocabulary) for each prompt. Rounds the weights of the model to a dtype first, if given."""
    if rounded_to is not None:
        for parameter in model.parameters():
            parameter.copy_(parameter.to(rounded_to))
    return {kind: model.eval()(**inputs).logits for kind, inputs in prompts.items()}


def _difference(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """Returns the largest difference. Compares only the tokens that both know, because embeddings may have grown."""
    shared = min(ours.shape[-1], theirs.shape[-1])
    return (ours[..., :shared] - theirs[..., :shared]).abs().max().item()
