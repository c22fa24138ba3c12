"""Measures whether reading videos keeps up with training: a step of stage 4 with and without reading.

    python -m benchmarks.training --clips ../shared/videos --json training.json

Every clip in the folder is one sample. The first run is the trainer of
`python -m fila_video.training video_instruction`: its workers read, resize and tokenize while the model computes. The
second run repeats forward pass, backward pass and optimizer step on batches that are in memory. The two runs alternate,
and the table has medians over steps. `--model` names a checkpoint. Without it, an untrained model is made that is large
enough for a step to take seconds on a CPU.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from importlib import metadata
from pathlib import Path

import torch
from transformers import TrainerCallback
from transformers.utils import logging

from fila_video.common.tables import markdown_table
from fila_video.conversion.checkpoint_folder import save_config_and_processor
from fila_video.conversion.tokenizer import train_tokenizer
from fila_video.training.run import build_trainer
from fila_video.training.stage_config import StageConfig, load_stage
from modeling_fila import FilaVideoConfig, FilaVideoForConditionalGeneration


VISION = {
    "model_type": "siglip_vision_model",
    "hidden_size": 256,
    "intermediate_size": 1024,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "image_size": 224,
    "patch_size": 16,
    "vision_use_head": False,
}
TEXT = {
    "model_type": "qwen2",
    "hidden_size": 256,
    "intermediate_size": 1024,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 8192,
}


class StepTimes(TrainerCallback):
    """Measures steps from the second one on: the first one waits until the workers have started."""

    def __init__(self):
        self.ends: list[float] = []

    def on_step_end(self, args, state, control, **kwargs):
        self.ends.append(time.perf_counter())

    def seconds(self) -> list[float]:
        return [end - start for start, end in zip(self.ends, self.ends[1:], strict=False)]


def write_model(folder: Path) -> Path:
    """Writes an untrained checkpoint of 10 million parameters."""
    tokenizer = train_tokenizer()
    config = FilaVideoConfig(
        vision_config=VISION,
        text_config={**TEXT, "vocab_size": len(tokenizer)},
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        video_token_id=tokenizer.convert_tokens_to_ids("<video>"),
    )
    save_config_and_processor(folder, config, tokenizer)
    FilaVideoForConditionalGeneration(config).save_pretrained(folder)
    return folder


def write_records(clips: Path, path: Path, repeats: int) -> Path:
    """Writes one record for each clip, `repeats` times."""
    videos = sorted(clip for clip in clips.iterdir() if clip.suffix in (".mp4", ".mkv", ".webm", ".mov"))
    turns = [{"from": "human", "value": "<video>\nWhat happens?"}, {"from": "gpt", "value": "Something is shown."}]
    records = [
        {"id": f"{clip.stem}-{number}", "video": clip.name, "conversations": turns}
        for number in range(repeats)
        for clip in videos
    ]
    path.write_text(json.dumps(records), encoding="utf-8")
    return path


def stage_for(options: argparse.Namespace, folder: Path) -> StageConfig:
    model = options.model or write_model(folder / "model")
    records = write_records(options.clips, folder / "records.json", repeats=options.steps + 2)
    values = {
        "model": model,
        "output": folder / "output",
        "batch_size": options.batch_size,
        "max_steps": options.steps + 1,
        "precision": options.precision,
        "save_steps": 10**9,
        "data.sources": json.dumps([{"path": str(records), "media": str(options.clips.resolve())}]),
        "data.workers": options.workers,
        "trainer.report_to": "none",
        "trainer.disable_tqdm": "true",
        "trainer.use_cpu": str(not torch.cuda.is_available()).lower(),
    }
    return load_stage("video_instruction", [f"{key}={value}" for key, value in values.items()])


def run_with_reading(stage: StageConfig) -> list[float]:
    """Returns the seconds of each step of the trainer."""
    trainer, times = build_trainer(stage), StepTimes()
    trainer.add_callback(times)
    trainer.train()
    return times.seconds()


def run_from_memory(stage: StageConfig, steps: int) -> list[float]:
    """Returns the seconds of each step, including the optimizer, on batches that are in memory."""
    trainer = build_trainer(stage)
    batches = []
    for batch in trainer.get_train_dataloader():
        batches.append(batch)
        if len(batches) == (steps + 1) * trainer.args.gradient_accumulation_steps:
            break
    model, optimizer = trainer.accelerator.prepare(trainer.model, trainer.create_optimizer())
    seconds = []
    for _ in range(steps + 1):
        step, batches = batches[: stage.batch_size], batches[stage.batch_size :]
        start = time.perf_counter()
        num_labels = sum(batch["labels"].ne(-100).sum() for batch in step)
        for batch in step:
            trainer.training_step(model, batch, num_labels)
        trainer.accelerator.clip_grad_norm_(model.parameters(), stage.max_gradient_norm)
        optimizer.step()
        optimizer.zero_grad()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True, help="folder of videos")
    parser.add_argument("--model", type=Path, help="folder of a checkpoint (default: an untrained model)")
    parser.add_argument("--batch-size", type=int, default=2, help="number of videos in a step")
    parser.add_argument("--steps", type=int, default=4, help="number of measured steps in a run")
    parser.add_argument("--repetitions", type=int, default=2, help="number of runs of each kind")
    parser.add_argument("--workers", type=int, default=1, help="number of processes that read videos")
    parser.add_argument("--threads", type=int, help="number of threads of the model (default: one for each core)")
    parser.add_argument("--precision", default="bf16" if torch.cuda.is_available() else "fp32", help="bf16 or fp32")
    parser.add_argument("--json", type=Path, help="file for all measurements")
    options = parser.parse_args()
    logging.set_verbosity_error()
    if options.threads:
        torch.set_num_threads(options.threads)
    reading, memory = [], []
    with tempfile.TemporaryDirectory() as folder:
        stage = stage_for(options, Path(folder))
        for _ in range(options.repetitions):
            reading += run_with_reading(stage)
            memory += run_from_memory(stage, options.steps)
    report(options, reading, memory)


def report(options: argparse.Namespace, reading: list[float], memory: list[float]) -> None:
    medians = {
        "with reading by workers": statistics.median(reading),
        "with batches in memory": statistics.median(memory),
    }
    print(
        f"\nA step with {options.batch_size} videos of 96 frames: medians of {len(reading)} and {len(memory)} steps\n"
    )
    rows = [(name, f"{seconds:.2f}") for name, seconds in medians.items()]
    print(markdown_table(["step", "seconds"], rows, align="lr"))
    ratio = medians["with reading by workers"] / medians["with batches in memory"]
    print(f"\nReading adds {ratio - 1:+.1%}.")
    if options.json:
        options.json.write_text(
            json.dumps(
                {
                    "seconds": {"reading": reading, "memory": memory},
                    "cpu": platform.processor() or platform.machine(),
                    "cores": os.cpu_count(),
                    "threads": torch.get_num_threads(),
                    "workers": options.workers,
                    "versions": {
                        name: metadata.version(name) for name in ("torch", "transformers", "accelerate", "av")
                    },
                },
                indent=1,
            ),
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
