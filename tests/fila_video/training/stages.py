"""Makes shipped stages small: a tiny checkpoint, a few drawn samples, float32 on the CPU."""

from pathlib import Path

from fila_video.training.stage_config import StageConfig, load_stage


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
    """Makes `key=value` arguments. In the names of `changes`, two underscores stand for a dot."""
    sources = ", ".join(f"{{path: {path}}}" for path in records)
    values = {"model": model, "output": output, "data.sources": f"[{sources}]", **SMALL}
    values |= {key.replace("__", "."): value for key, value in changes.items()}
    return [f"{key}={value}" for key, value in values.items()]


def small_stage(name: str, model: Path, output: Path, *records: Path, **changes) -> StageConfig:
    return load_stage(name, overrides(model, output, *records, **changes))


def losses(trainer) -> list[float]:
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
