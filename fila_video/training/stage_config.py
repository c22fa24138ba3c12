"""A training stage: a YAML file, checked against the fields below, with `key=value` overrides."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from .data.data_config import DataConfig
from .model.muon import OPTIMIZERS
from .model.trained_parts import PARTS


SHIPPED_STAGES = Path(__file__).with_name("stages")
PRECISIONS = ("auto", "bf16", "fp32")
# Stands for values that are not needed.
NOT_GIVEN = "(not given)"


@dataclass
class StageConfig:
    """One training stage. `???` in a file marks a value that the user has to give."""

    name: str = MISSING
    # The model and processor that the stage starts from: a folder or a Hub id.
    model: str = MISSING
    # Folder for checkpoints, logs and the trained model. A stage that was interrupted resumes from it.
    output: str = MISSING

    # Peak learning rate of each trained part (model/trained_parts.py). Parts that are missing or null are frozen.
    learning_rates: dict[str, float | None] = field(default_factory=dict)
    # Fields of FilaVideoConfig to change for training ...
    model_options: dict[str, Any] = field(default_factory=dict)
    # ... and to change again in the trained model, before it is saved.
    inference_options: dict[str, Any] = field(default_factory=dict)
    # Fields of peft.LoraConfig to change in the preset of model/lora.py. Null: no LoRA, every weight is trained.
    lora: dict[str, Any] | None = None

    # Number of samples in a step, over all processes and all accumulated micro batches.
    batch_size: int = MISSING
    # Number of samples that a process computes at once.
    micro_batch_size: int = 1
    epochs: float = 1
    # Number of steps after which training ends, even within an epoch. Streamed data need it. Null: no limit.
    max_steps: int | None = None
    # adamw, or muon: Muon for the matrices of the language model's layers, AdamW for the rest (model/muon.py).
    optimizer: str = "adamw"
    schedule: str = "cosine"
    # Share of the steps in which the learning rates rise from 0 to their peaks.
    warmup_ratio: float = 0.0
    weight_decay: float = 0.0
    max_gradient_norm: float = 1.0
    # bf16 computes in bfloat16, fp32 in float32; auto is bf16 on a GPU that supports it, and fp32 elsewhere. Weights,
    # gradients and optimizer state are always float32.
    precision: str = "auto"
    gradient_checkpointing: bool = True
    seed: int = 42

    data: DataConfig = field(default_factory=DataConfig)

    logging_steps: int = 10
    save_steps: int = 500
    # Number of checkpoints to keep; null: all.
    save_total_limit: int | None = 2
    # Other fields of transformers.TrainingArguments, such as report_to, push_to_hub or torch_compile.
    trainer: dict[str, Any] = field(default_factory=dict)


def load_stage(path: str | Path, overrides: list[str] | None = None, *, needs_data: bool = True) -> StageConfig:
    """
    Reads a stage.

    Args:
        path: A YAML file, or the name of a shipped stage. `extends: other.yaml` in a file takes over the fields of
            another file, from the same folder or from the shipped stages.
        overrides: `key=value` with dots into sections and lists: `data.num_frames=64`, `data.sources.0.path=x.json`.
        needs_data: Whether missing values in `data.sources` are an error. Without data the stage can only be planned.

    Raises:
        ValueError: If a field does not exist, has no value or has a value of the wrong type; it names the field.
        FileNotFoundError: If there is no such file.
    """
    file = _find(str(path), folder=Path())
    try:
        given = cast(DictConfig, OmegaConf.merge(*_with_ancestors(file)))
        for override in overrides or ():
            _apply(override, given)
        config = cast(DictConfig, OmegaConf.merge(OmegaConf.structured(StageConfig), given))
        if not needs_data:
            _fill_in_sources(config)
        _check_nothing_is_missing(config)
        stage = cast(StageConfig, OmegaConf.to_object(config))
    except (OmegaConfBaseException, yaml.YAMLError) as error:
        raise ValueError(f"{path}: {_in_one_line(error)}") from error
    check_stage(stage)
    return stage


def check_stage(stage: StageConfig) -> None:
    """
    Checks the values of a stage.

    Raises:
        ValueError: For a value that cannot be used; the message names the field and the value.
    """
    if unknown := sorted(stage.learning_rates.keys() - PARTS.keys()):
        raise ValueError(f"learning_rates: there is no part {unknown[0]!r}; the parts are {', '.join(PARTS)}.")
    for part, rate in stage.learning_rates.items():
        if rate is not None and rate <= 0:
            raise ValueError(f"learning_rates.{part}={rate} must be positive; null freezes the part.")
    if not any(stage.learning_rates.values()):
        raise ValueError("learning_rates: at least one part must be trained.")
    for name in ("batch_size", "micro_batch_size", "epochs", "logging_steps", "save_steps"):
        if getattr(stage, name) <= 0:
            raise ValueError(f"{name}={getattr(stage, name)} must be positive.")
    if stage.max_steps is not None and stage.max_steps <= 0:
        raise ValueError(f"max_steps={stage.max_steps} must be positive; null trains for all epochs.")
    if stage.save_total_limit is not None and stage.save_total_limit <= 0:
        raise ValueError(f"save_total_limit={stage.save_total_limit} must be positive; null keeps all checkpoints.")
    if stage.data.streaming and stage.max_steps is None:
        raise ValueError("data.streaming needs max_steps, because the number of samples is not known.")
    if stage.precision not in PRECISIONS:
        raise ValueError(f"precision={stage.precision!r} is unknown; choose one of {PRECISIONS}.")
    if stage.optimizer not in OPTIMIZERS:
        raise ValueError(f"optimizer={stage.optimizer!r} is unknown; choose one of {OPTIMIZERS}.")
    if stage.optimizer == "muon" and stage.lora is not None:
        raise ValueError("optimizer='muon' does not work with lora; use optimizer=adamw.")
    if stage.lora is not None and not stage.learning_rates.get("language_model"):
        raise ValueError(
            "lora: its adapters belong to the language model, which this stage does not train; give it a learning rate "
            "(learning_rates.language_model=1e-4), or set lora=null."
        )
    if not 0 <= stage.warmup_ratio < 1:
        raise ValueError(f"warmup_ratio={stage.warmup_ratio} must be in [0, 1).")


def save_stage(stage: StageConfig, path: Path) -> None:
    """Writes a stage to a file that `load_stage` reads."""
    OmegaConf.save(OmegaConf.structured(stage), path)


def changed_fields(stage: StageConfig, path: Path) -> list[str]:
    """Lists the fields in which a stage differs from the one in a file, as `field: old -> new`."""
    configs = (OmegaConf.load(path), OmegaConf.structured(stage))
    old, new = (_flat(OmegaConf.to_container(config)) for config in configs)
    changed = [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
    return [f"{key}: {old.get(key)} -> {new.get(key)}" for key in changed]


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Flattens sections and lists: `{"data.sources.0.path": ...}`."""
    if not isinstance(value, (dict, list)):
        return {prefix: value}
    items: Iterable = value.items() if isinstance(value, dict) else enumerate(value)
    return {key: leaf for name, part in items for key, leaf in _flat(part, f"{prefix}.{name}".strip(".")).items()}


def _apply(override: str, config: DictConfig) -> None:
    key, is_given, value = override.partition("=")
    if not key or not is_given:
        raise ValueError(f"{override!r} is not of the form key=value.")
    try:
        parsed = OmegaConf.from_dotlist([f"value={value}"]).value
    except (OmegaConfBaseException, yaml.YAMLError) as error:
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ValueError(f"{key}={value} cannot be read as YAML: {reason}") from error
    OmegaConf.update(config, key, parsed, force_add=True)


def _with_ancestors(path: Path) -> list[DictConfig]:
    """Reads a file and the files that it extends. The file itself comes last."""
    family: list[DictConfig] = []
    seen: list[Path] = []
    next_path: Path | None = path
    while next_path is not None:
        path = next_path
        if path in seen:
            raise ValueError(f"{path} extends itself: {' -> '.join(str(step) for step in [*seen, path])}.")
        seen.append(path)
        config = OmegaConf.load(path)
        if not isinstance(config, DictConfig):
            raise ValueError(f"{path} does not contain the fields of a stage.")
        parent = config.pop("extends", None)
        family.insert(0, config)
        next_path = None if parent is None else _find(parent, folder=path.parent)
    return family


def _find(name: str, *, folder: Path) -> Path:
    """Finds a file by its path from a folder, or a shipped stage by its name."""
    candidates = [folder / name, SHIPPED_STAGES / name, SHIPPED_STAGES / f"{name}.yaml"]
    for path in candidates:
        if path.is_file():
            return path.resolve()
    shipped = sorted(str(path.relative_to(SHIPPED_STAGES).with_suffix("")) for path in SHIPPED_STAGES.rglob("*.yaml"))
    raise FileNotFoundError(f"There is no file and no shipped stage {name}; the stages are {', '.join(shipped)}.")


def _fill_in_sources(config: DictConfig) -> None:
    """Fills in the missing values of `data.sources`."""
    for key in _missing_keys(config):
        if key.startswith("data.sources."):
            OmegaConf.update(config, key, NOT_GIVEN)


def _check_nothing_is_missing(config: DictConfig) -> None:
    missing = _missing_keys(config)
    if not missing:
        return
    hint = f"add {missing[0]}=VALUE"
    if missing[0].startswith("data.sources."):
        hint += ", or give all sources at once: data.sources='[{path: FILE, media: FOLDER}]'"
    raise OmegaConfBaseException(f"no value for {', '.join(missing)}; {hint}.")


def _missing_keys(config: DictConfig) -> list[str]:
    """The fields without a value, as overrides name them: OmegaConf writes `sources[0]` for `sources.0`."""
    return sorted(re.sub(r"\[(\d+)\]", r".\1", key) for key in OmegaConf.missing_keys(config))


def _in_one_line(error: Exception) -> str:
    """Names the field, if the error knows it, and the reason."""
    if isinstance(error, yaml.YAMLError):
        return " ".join(str(error).split())
    field_name = re.sub(r"\[(\d+)\]", r".\1", getattr(error, "full_key", None) or "")
    reason = str(error).splitlines()[0]
    return f"{field_name}: {reason}" if field_name else reason
