"""Shipped stages made small: a tiny checkpoint, few drawn samples, float32 on the processor."""

from pathlib import Path

from training_fila.stage_config import StageConfig, load_stage


SMALL = {
    "batch_size": 4,
    "micro_batch_size": 2,
    "precision": "fp32",
    "warmup_ratio": 0.0,
    "logging_steps": 1,
    "data.workers": 0,
    "trainer.use_cpu": "true",
    "trainer.disable_tqdm": "true",
    "trainer.report_to": "none",
}


def overrides(model: Path, output: Path, *records: Path, **changes) -> list[str]:
    """`key=value` arguments; dots in `changes` are written as two underscores."""
    sources = ", ".join(f"{{path: {path}}}" for path in records)
    values = {"model": model, "output": output, "data.sources": f"[{sources}]", **SMALL}
    values |= {key.replace("__", "."): value for key, value in changes.items()}
    return [f"{key}={value}" for key, value in values.items()]


def small_stage(name: str, model: Path, output: Path, *records: Path, **changes) -> StageConfig:
    return load_stage(name, overrides(model, output, *records, **changes))


def losses(trainer) -> list[float]:
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
