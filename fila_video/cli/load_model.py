"""Loads the pipeline of the model that the user named."""

import logging
from typing import Any

from fila_video.common.extras import require_extra
from fila_video.common.merging_choice import set_scene_merging
from fila_video.mini.shipped import shipped_checkpoint

from .options import ModelOptions
from .show import note, silence_transformers, waiting
from .usage import BadUsage


REAL_MODEL = "llava-hf/llava-onevision-qwen2-0.5b-ov-hf"
KNOWS_SHAPES_ONLY = (
    "This is the small model, which knows drawn shapes only: what it says about any other video means nothing. A model "
    f'that knows the real world: fila-video ask clip.mp4 "What happens?" --model {REAL_MODEL}'
)


def load_pipeline(program: str, options: ModelOptions, *, scene_merging: str | None = None, **call: Any) -> Any:
    """
    Loads a pipeline. A model of another format is converted first, after asking the user.

    Args:
        program: Name of the command, for notices.
        options: Which model, and how it is loaded.
        scene_merging: How scenes are merged, in place of the model's own way.
        call: Arguments of every call of the pipeline.

    Raises:
        OSError: If there is no such model, or if it is damaged.
        ValueError: If it is a model of another kind, or if an option does not fit it.
        ImportError: If an option needs a package that is not installed.
    """
    if options.quantization is not None:
        require_extra("quantize", ("optimum", "optimum.quanto"), purpose=f"--quantization {options.quantization}")
    folder = folder_of(program, options)
    with waiting("Loading the model"):
        silence_transformers()
        from transformers import AutoConfig, pipeline

        config = AutoConfig.from_pretrained(folder)
        set_scene_merging(config, scene_merging, option="--scene-merging ")
        make: Any = pipeline  # the types that transformers declares do not know this task
        return make(
            "video-text-to-text",
            model=str(folder),
            dtype=options.dtype,
            **_placement(options.device),
            model_kwargs={**_merging(scene_merging), **_quantization(config, options)},
            **call,
        )


def announce(program: str, options: ModelOptions) -> None:
    """Says what the default model cannot do, and how to get one that can."""
    if options.model is None:
        note(program, KNOWS_SHAPES_ONLY)


def folder_of(program: str, options: ModelOptions) -> Any:
    """Returns the folder of a FiLA-Video model. It is downloaded, or converted, if need be."""
    if options.model is None:
        if options.revision is not None:
            raise BadUsage(f"--revision {options.revision} needs --model with an id on the Hub.")
        return shipped_checkpoint()
    from .find_model import find_model  # loads huggingface_hub

    return find_model(program, options.model, revision=options.revision, yes=options.yes)


def _placement(device: str) -> dict[str, Any]:
    import torch

    if device == "auto":
        if torch.cuda.is_available():
            return {"device_map": "auto"}
        return {"device": "mps" if torch.backends.mps.is_available() else "cpu"}
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise ValueError(f"--device {device} is not the name of a device, such as cpu, cuda or cuda:1.") from error
    if kind == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"--device {device}: PyTorch finds no GPU here. `fila-video info` lists the devices.")
    return {"device": device}


def _merging(scene_merging: str | None) -> dict[str, Any]:
    """Arguments of the model. `pipeline` would not give its own argument `config` to a model that it loads by name."""
    return {} if scene_merging is None else {"scene_merging": scene_merging}


def _quantization(config: Any, options: ModelOptions) -> dict[str, Any]:
    """Arguments of the model that quantize the weights (docs/quantize.md)."""
    if options.quantization is None:
        return {}
    from transformers import QuantoConfig

    # Loading quanto makes PyTorch say that it finds no CUDA, where there is none.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    chosen = QuantoConfig(weights=options.quantization, modules_to_not_convert=config.modules_to_not_quantize)
    return {"quantization_config": chosen}


def set_seed(seed: int | None) -> None:
    """Sets the seed of the generators that draw words, if there is one."""
    if seed is not None:
        from transformers import set_seed as set_all_seeds

        set_all_seeds(seed)
