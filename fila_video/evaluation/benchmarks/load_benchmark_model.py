"""Loads the pipeline with which benchmarks are measured."""

from pathlib import Path
from typing import Any

from fila_video.common.loading import WEIGHTS
from modeling_fila.modeling_choices import SCENE_MERGINGS

from ..load_pipeline import load_pipeline


# Merging methods without weights: any model that merges scenes can use them.
FREE_MERGINGS = ("average", "bsm")


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
        ValueError: If an option does not fit the model.
    """
    import fila_video  # noqa: F401 (makes the classes known to transformers)

    options: dict[str, Any] = {}
    if attn_implementation is not None:
        options["model_kwargs"] = {"attn_implementation": attn_implementation}
    if scene_merging is not None:
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(pretrained, revision=revision)
        set_scene_merging(config, scene_merging)
        options["config"] = config
    given = {name: value for name, value in call.items() if value is not None}
    return load_pipeline(pretrained, revision=revision, dtype=dtype, **options, **placement, **given)


def set_scene_merging(config: Any, scene_merging: str) -> None:
    """
    Changes how a model merges the frames of a scene.

    Raises:
        ValueError: If there is no such way, or the model has no weights for it.
    """
    if scene_merging not in SCENE_MERGINGS:
        raise ValueError(f"scene_merging={scene_merging!r} must be one of {', '.join(SCENE_MERGINGS)}.")
    if scene_merging == config.scene_merging:
        return
    if scene_merging not in FREE_MERGINGS or config.scene_merging == "none":
        raise ValueError(
            f"scene_merging={scene_merging!r} does not fit this model, whose scene_merging is "
            f"{config.scene_merging!r}. convert_checkpoint.py makes one that it fits."
        )
    config.scene_merging = scene_merging


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
