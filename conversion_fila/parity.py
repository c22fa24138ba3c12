"""The converted model and its source answer the same prompts: how far their logits lie apart."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import torch
from PIL import Image
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from configuration_fila import FilaVideoConfig

from .errors import ConversionError
from .processor import build_processor
from .reading import Peer


QUESTION = "<|im_start|>user\n{}What happens?<|im_end|>\n<|im_start|>assistant\n"
MEDIA = {"text": "", "image": "<image>\n", "video": "<video>\n"}
NUM_FRAMES = 4
# Two programs that do the same in float32 differ by far less than this, and another model by far more.
LARGEST_DIFFERENCE = 1e-2
# A model's own size, and what it computes with.
MEMORY_FACTOR = 1.3


@dataclass(frozen=True)
class Parity:
    """
    Args:
        peer: what the model was compared with.
        differences: the largest difference of a logit for each kind of prompt, in float32.
        not_run: why it was not compared at all; empty if it was.
    """

    peer: str
    differences: dict[str, float] = field(default_factory=dict)
    not_run: str = ""

    def __str__(self) -> str:
        if self.not_run:
            return f"Parity with {self.peer} was not checked: {self.not_run}"
        numbers = ", ".join(f"{kind} {difference:.1e}" for kind, difference in self.differences.items())
        left_out = [kind for kind in MEDIA if kind not in self.differences]
        rest = f"; {' and '.join(left_out)} cannot be compared with it" if left_out else ""
        return f"Largest logit difference to {self.peer}, in float32: {numbers}{rest}"


def measure_parity(
    model_class: type[PreTrainedModel],
    folder: Path,
    config: FilaVideoConfig,
    tokenizer: PreTrainedTokenizerBase,
    peer: Peer,
    num_parameters: int,
) -> Parity:
    """
    Runs the model in `folder` and its peer, one after the other, on a question, a drawn image and a drawn clip.

    The clip has no more frames than either has scenes, so that each is a scene of its own and merging, which starts
    as a mean, changes nothing.

    Raises:
        [`ConversionError`]: if they differ by more than rounding.
    """
    needed = MEMORY_FACTOR * 4 * num_parameters
    available = psutil.virtual_memory().available
    if needed > available:
        return Parity(
            peer.name, not_run=f"it takes {needed / 1e9:.0f} GB of memory, and {available / 1e9:.0f} GB are free."
        )
    own_limit = None if config.scene_merging == "none" else config.num_scenes
    num_frames = min(limit for limit in (NUM_FRAMES, own_limit, peer.max_frames) if limit is not None)
    prompts = {kind: _prompt(kind, num_frames, config, tokenizer) for kind in peer.kinds}
    expected = _answers(peer.load(), prompts, rounded_to=config.dtype)
    answers = _answers(model_class.from_pretrained(folder, dtype=torch.float32), prompts)
    parity = Parity(peer.name, {kind: _difference(answers[kind], expected[kind]) for kind in prompts})
    if not all(difference < LARGEST_DIFFERENCE for difference in parity.differences.values()):
        raise ConversionError(f"The converted model does not answer as its source. {parity}")
    return parity


def draw_clip(num_frames: int, side: int) -> np.ndarray:
    """A square that wanders over a gradient: `(num_frames, side, side, 3)` uint8."""
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
    clip = draw_clip(num_frames, config.vision_config.image_size)
    media = {"text": {}, "image": {"images": [Image.fromarray(clip[0])]}, "video": {"videos": [clip]}}[kind]
    # transformers' class knows no mask; all frames are real.
    options = {"timestamps": "none", "do_sample_frames": False} if kind == "video" else {}
    inputs = build_processor(config, tokenizer)(
        text=[QUESTION.format(MEDIA[kind])], **media, **options, return_tensors="pt"
    )
    names = ("input_ids", "attention_mask", "pixel_values", "image_sizes", "pixel_values_videos")
    return {name: inputs[name] for name in names if name in inputs}


@torch.no_grad()
def _answers(
    model: PreTrainedModel, prompts: dict[str, dict[str, torch.Tensor]], rounded_to: torch.dtype | None = None
) -> dict[str, torch.Tensor]:
    """Logits `(1, T, vocabulary)` for each prompt; with weights as precise as `rounded_to` has them."""
    if rounded_to is not None:
        for parameter in model.parameters():
            parameter.copy_(parameter.to(rounded_to))
    return {kind: model.eval()(**inputs).logits for kind, inputs in prompts.items()}


def _difference(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """Over the tokens that both know: embeddings may have grown."""
    shared = min(ours.shape[-1], theirs.shape[-1])
    return (ours[..., :shared] - theirs[..., :shared]).abs().max().item()
