"""Loads the pipeline with which benchmarks are measured."""

from pathlib import Path
from typing import Any

from fila_video.common.loading import WEIGHTS, check_model
from fila_video.common.merging_choice import set_scene_merging

from ..load_pipeline import load_pipeline


MODEL_TYPE = "fila_video"


def load_benchmark_model(
    pretrained: str,
    *,
    placement: dict[str, Any],
    revision: str | None = None,
    dtype: str = "auto",
    attn_implementation: str | None = None,
    scene_merging: str | None = None,
    **call: Any,
) -> Any:
    """
    Loads a pipeline.

    Args:
        pretrained: Folder or Hub id of a FiLA-Video model.
        placement: `device` or `device_map` of `transformers.pipeline`.
        revision: Branch, tag or commit on the Hub.
        dtype: Number format of the weights, or `"auto"`.
        attn_implementation: As in transformers.
        scene_merging: How scenes are merged, in place of the model's own way.
        call: Arguments of every call of the pipeline. None stands for the model's own.

    Raises:
        OSError: If there is no such model.
        ValueError: If it is a model of another kind, or if an option does not fit it.
    """
    from transformers import AutoConfig

    import fila_video  # noqa: F401 (makes the classes known to transformers)

    check_model(pretrained)
    config = AutoConfig.from_pretrained(pretrained, revision=revision)
    if config.model_type != MODEL_TYPE:
        raise ValueError(
            f"{pretrained} is a model of the type {config.model_type!r}. `fila-video convert` makes a FiLA-Video model "
            "of LLaVA-OneVision and LLaVA-Video models."
        )
    set_scene_merging(config, scene_merging, option="scene_merging=")
    # `pipeline` does not give its argument `config` to a model that it loads by name.
    changed = {"attn_implementation": attn_implementation, "scene_merging": scene_merging}
    model_kwargs = {name: value for name, value in changed.items() if value is not None}
    given = {name: value for name, value in call.items() if value is not None}
    return load_pipeline(pretrained, revision=revision, dtype=dtype, model_kwargs=model_kwargs, **placement, **given)


def weights_of(pretrained: str, revision: str | None = None) -> str:
    """
    Returns what changes with the weights of a model: the commit on the Hub, or name, size and time of the files.

    Args:
        pretrained: Folder or Hub id of a model that has been loaded.
        revision: Branch, tag or commit on the Hub.
    """
    folder = Path(pretrained)
    if folder.is_dir():
        files = sorted(path for kind in (*WEIGHTS, "config.json") for path in folder.glob(kind))
        return repr([(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files])
    from huggingface_hub import hf_hub_download

    return f"{pretrained} {Path(hf_hub_download(pretrained, 'config.json', revision=revision)).parent.name}"
