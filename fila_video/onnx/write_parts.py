"""Writes the parts of a model as ONNX files, with the exporter of transformers.

Shape letters: N frames, H and W pixels, P patches, D width of the vision tower, S scenes, K frames per scene, C width
of the language model, B prompts, T tokens.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx_ir
import torch
from onnx_ir.passes.common import ClearMetadataAndDocStringPass
from torch import nn
from torch.export import Dim
from transformers.exporters.exporter_onnx import OnnxConfig, OnnxExporter

from modeling_fila.modeling_compat import CACHE_NAME
from modeling_fila.modeling_fila_video import FilaVideoForConditionalGeneration

from .parts import LanguageModel, SceneTokens, TokenEmbedding, VisionTower
from .sessions import LANGUAGE_MODEL, SCENE_TOKENS, TOKEN_EMBEDDING, VISION_TOWER


def write_parts(folder: Path, model: FilaVideoForConditionalGeneration, mean: list[float], std: list[float]) -> None:
    """Writes the four ONNX files. The numbers of frames, scenes, prompts and tokens stay free.

    Args:
        folder: Folder to write into.
        model: The model in float32, on the CPU.
        mean: Mean of the red, green and blue values in 0 to 1, as the video processor has it.
        std: Their standard deviation.
    """
    config, inner = model.config, model.model
    side, width = config.get_vision_config().image_size, config.get_vision_config().hidden_size
    scenes = torch.randn(2, config.scene_size, config.patches_per_side**2, width)
    frames = torch.randint(0, 256, (2, side, side, 3), dtype=torch.uint8)
    _write_part(folder / VISION_TOWER, VisionTower(inner, mean, std), {"frames": frames}, {"frames": {0: Dim.AUTO}})
    _write_part(folder / SCENE_TOKENS, SceneTokens(inner), {"scenes": scenes}, {"scenes": {0: Dim.AUTO}})
    _write_part(folder / TOKEN_EMBEDDING, TokenEmbedding(inner), {"ids": torch.arange(3)}, {"ids": {0: Dim.AUTO}})
    _write_part(folder / LANGUAGE_MODEL, LanguageModel(model), *_language_model_inputs(model))


def _language_model_inputs(model: FilaVideoForConditionalGeneration) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two prompts of three tokens, after five tokens in the cache, and which sizes are free."""
    text_config = model.config.get_text_config()
    # Sizes of 0 or 1 would be taken for constants.
    embeddings = torch.randn(2, 8, text_config.hidden_size)
    with torch.no_grad():
        cache = getattr(model.model.language_model(inputs_embeds=embeddings[:, :5], use_cache=True), CACHE_NAME)
    inputs = {
        "inputs_embeds": embeddings[:, 5:],
        "attention_mask": torch.ones(2, 8, dtype=torch.long),
        "keys": [layer.keys for layer in cache.layers],
        "values": [layer.values for layer in cache.layers],
    }
    of_layers = [{0: Dim.AUTO, 2: Dim.AUTO}] * len(cache.layers)
    two = {0: Dim.AUTO, 1: Dim.AUTO}
    return inputs, {"inputs_embeds": two, "attention_mask": two, "keys": of_layers, "values": of_layers}


def _write_part(path: Path, part: nn.Module, inputs: dict[str, Any], free_sizes: dict[str, Any]) -> None:
    with _quietly():
        exported = OnnxExporter().export(part.eval(), inputs, OnnxConfig(dynamic=True, dynamic_shapes=free_sizes))
    # An `ExportedModel` from transformers 5.24 on, PyTorch's `ONNXProgram` before.
    program = exported.program if hasattr(exported, "program") else exported.model
    # Each node carries the stack that made it, with the paths of this machine.
    ClearMetadataAndDocStringPass()(program)
    onnx_ir.save(program, str(path), external_data=f"{path.name}.data")


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Hides what exporters report about their own work; errors are raised all the same."""
    names = ("transformers", "torch.onnx", "onnxscript", "onnx_ir", "torch.export")
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
