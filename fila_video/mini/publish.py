"""Writes the trained small model as it is shipped: in bfloat16, with its scores and its card."""

from pathlib import Path

import torch

from fila_video.common.loading import no_bars_if_small
from fila_video.evaluation.measure_splits import measure_splits
from fila_video.evaluation.scores import SCORES_FILE, save_scores
from modeling_fila import FilaVideoForConditionalGeneration
from processing_fila import FilaVideoProcessor

from .card import write_card


def publish(trained: Path, output: Path, *, share: float = 1.0) -> None:
    """
    Writes the checkpoint, measures it, and writes its card.

    Args:
        trained: Folder of the last stage.
        output: Folder to write. Results of the measurement go to the folder `measured` next to it.
        share: Share of the test videos to use, for a trial run.
    """
    with no_bars_if_small(trained):
        model = FilaVideoForConditionalGeneration.from_pretrained(trained, dtype=torch.bfloat16)
        model.config.dtype = torch.bfloat16
        model.set_attn_implementation("sdpa")
        model.save_pretrained(output)
    FilaVideoProcessor.from_pretrained(trained).save_pretrained(output)
    scores = measure_splits(output, output.parent / "measured", share=share)
    save_scores(scores, output / SCORES_FILE)
    write_card(output, sum(parameter.numel() for parameter in model.parameters()))
