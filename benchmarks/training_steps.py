"""The two kinds of steps that `training.py` measures, and the model, records and stage for them."""

import argparse
import json
import time
from pathlib import Path

import torch
from transformers import TrainerCallback

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
