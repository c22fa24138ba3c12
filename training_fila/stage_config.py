"""What a stage is: readable YAML, checked against these fields, with `key=value` overrides from the command line."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from .data_config import DataConfig
from .muon import OPTIMIZERS
from .parts import PARTS


SHIPPED_STAGES = Path(__file__).with_name("stages")
PRECISIONS = ("bf16", "fp32")


@dataclass
class StageConfig:
    """One training stage. `???` in a file marks what the user has to give."""

    name: str = MISSING
    # A folder or Hub id: what the stage starts from, with its processor.
    model: str = MISSING
    # A new folder: checkpoints, logs, and at the end the model itself. A stage that was interrupted continues in it.
    output: str = MISSING

    # Peak learning rate of each part that is trained; the others, and those with null, are frozen. Parts: parts.py.
    learning_rates: dict[str, float | None] = field(default_factory=dict)
    # Fields of FilaVideoConfig that the stage sets, for training ...
    model_options: dict[str, Any] = field(default_factory=dict)
    # ... and those that the finished model is saved with, where they differ.
    inference_options: dict[str, Any] = field(default_factory=dict)
    # Arguments of peft.LoraConfig beside the preset (training_fila/lora.py); null: every weight of a part is trained.
    lora: dict[str, Any] | None = None

    # Samples in a step, over all processes and accumulated micro batches.
    batch_size: int = MISSING
    # Samples that one process takes at once.
    micro_batch_size: int = 1
    epochs: float = 1
    # Ends earlier, or says how long a streamed data set is trained on.
    max_steps: int | None = None
    # adamw, or muon for the matrices of the language model's layers (muon.py).
    optimizer: str = "adamw"
    schedule: str = "cosine"
    # Share of the steps over which the learning rates rise from 0.
    warmup_ratio: float = 0.0
    weight_decay: float = 0.0
    max_gradient_norm: float = 1.0
    # bf16 computes in bfloat16; weights, gradients and the optimiser's state are float32 in any case.
    precision: str = "bf16"
    gradient_checkpointing: bool = True
    seed: int = 42

    data: DataConfig = field(default_factory=DataConfig)

    logging_steps: int = 10
    save_steps: int = 500
    # Checkpoints kept; null: all.
    save_total_limit: int | None = 2
    # Any other field of transformers.TrainingArguments, e.g. report_to, push_to_hub, torch_compile.
    trainer: dict[str, Any] = field(default_factory=dict)


def load_stage(path: str | Path, overrides: list[str] | None = None) -> StageConfig:
    """
    Reads a stage.

    Args:
        path: a YAML file, or the name of a shipped one without its ending. `extends: other.yaml` in a file takes the
            fields of the other, from the same folder or the shipped ones, and changes some.
        overrides: `key=value`, with dots into sections and lists: `data.num_frames=64`, `data.sources.0.path=x.json`.

    Raises:
        `ValueError`: for a field that does not exist, lacks a value, or has one of the wrong kind; it names the field.
        `FileNotFoundError`: no such file.
    """
    path = _find(str(path), beside=Path())
    try:
        given = OmegaConf.merge(*_with_ancestors(path))
        for override in overrides or ():
            _apply(override, given)
        stage = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(StageConfig), given))
    except (OmegaConfBaseException, yaml.YAMLError) as error:
        raise ValueError(f"{path}: {_in_one_line(error)}") from error
    check_stage(stage)
    return stage


def check_stage(stage: StageConfig) -> None:
    """Raises a `ValueError` for values that are no stage."""
    if unknown := sorted(stage.learning_rates.keys() - PARTS.keys()):
        raise ValueError(f"learning_rates: there is no part {unknown[0]!r}; the parts are {', '.join(PARTS)}.")
    for part, rate in stage.learning_rates.items():
        if rate is not None and rate <= 0:
            raise ValueError(f"learning_rates.{part}={rate} must be positive; null freezes the part.")
    if not any(stage.learning_rates.values()):
        raise ValueError("learning_rates: at least one part has to be trained.")
    for name in ("batch_size", "micro_batch_size", "epochs", "logging_steps", "save_steps"):
        if getattr(stage, name) <= 0:
            raise ValueError(f"{name}={getattr(stage, name)} must be positive.")
    if stage.data.streaming and stage.max_steps is None:
        raise ValueError("data.streaming needs max_steps: how many samples there are is not known.")
    if stage.precision not in PRECISIONS:
        raise ValueError(f"precision={stage.precision!r} is unknown; choose one of {PRECISIONS}.")
    if stage.optimizer not in OPTIMIZERS:
        raise ValueError(f"optimizer={stage.optimizer!r} is unknown; choose one of {OPTIMIZERS}.")
    if stage.optimizer == "muon" and stage.lora is not None:
        raise ValueError("optimizer='muon' is for whole matrices: with lora, train with 'adamw'.")
    if not 0 <= stage.warmup_ratio < 1:
        raise ValueError(f"warmup_ratio={stage.warmup_ratio} must be in [0, 1).")


def save_stage(stage: StageConfig, path: Path) -> None:
    """Writes a stage, so that `load_stage` reads the same."""
    OmegaConf.save(OmegaConf.structured(stage), path)


def changed_fields(stage: StageConfig, path: Path) -> list[str]:
    """How a stage differs from a saved one, as `field: old -> new`."""
    configs = (OmegaConf.load(path), OmegaConf.structured(stage))
    old, new = (_flat(OmegaConf.to_container(config)) for config in configs)
    changed = [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
    return [f"{key}: {old.get(key)} -> {new.get(key)}" for key in changed]


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        return {prefix: value}
    return {key: leaf for name, part in items for key, leaf in _flat(part, f"{prefix}.{name}".strip(".")).items()}


def _apply(override: str, config: DictConfig) -> None:
    key, is_given, value = override.partition("=")
    if not key or not is_given:
        raise ValueError(f"{override!r} is no key=value.")
    OmegaConf.update(config, key, OmegaConf.from_dotlist([f"value={value}"]).value, force_add=True)


def _with_ancestors(path: Path) -> list[DictConfig]:
    """A file after all that it extends, the farthest first."""
    family: list[DictConfig] = []
    seen: list[Path] = []
    while path is not None:
        if path in seen:
            raise ValueError(f"{path} extends itself: {' -> '.join(str(step) for step in [*seen, path])}.")
        seen.append(path)
        config = OmegaConf.load(path)
        if not isinstance(config, DictConfig):
            raise ValueError(f"{path} holds no fields of a stage.")
        parent = config.pop("extends", None)
        family.insert(0, config)
        path = None if parent is None else _find(parent, beside=path.parent)
    return family


def _find(name: str, *, beside: Path) -> Path:
    """A file by its path, or a shipped one by its name."""
    candidates = [beside / name, SHIPPED_STAGES / name, SHIPPED_STAGES / f"{name}.yaml"]
    for path in candidates:
        if path.is_file():
            return path.resolve()
    shipped = sorted(str(path.relative_to(SHIPPED_STAGES).with_suffix("")) for path in SHIPPED_STAGES.rglob("*.yaml"))
    raise FileNotFoundError(f"There is no file {name}, nor a stage of that name; there are {', '.join(shipped)}.")


def _in_one_line(error: Exception) -> str:
    """OmegaConf's messages name the field in later lines."""
    return ", ".join(line.strip() for line in str(error).splitlines() if line.strip() and "object_type" not in line)
