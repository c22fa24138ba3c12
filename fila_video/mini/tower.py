"""Pretrains the vision tower on drawn frames, as SigLIP's is pretrained before it becomes part of a FiLA-Video model.

A linear head on the mean of the patch features predicts the color and shape of the objects, their places, and the
background. Scenes are found by this mean, and the projector receives these features. The head is discarded afterwards.

Shape letters: B frames in a batch.
"""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset, get_worker_info
from transformers import AutoModel

from fila_video.world.draw_frame import center_of, draw_frame
from fila_video.world.draw_video import draw_video
from fila_video.world.ground_truth import FRAMES_PER_SECOND, Video
from fila_video.world.splits import has_held_out
from fila_video.world.vocabulary import BACKGROUND_COLOURS, OBJECT_COLOURS, SHAPES, TEXTURES
from fila_video.world.world_options import WorldOptions
from modeling_fila.vision_features import encode_frames


LANES = ("whole", "top", "bottom")
# What the head predicts, with its number of classes. Class 0 of a lane's color and shape: the lane is empty.
CLASSES = {
    **{
        f"{lane} {what}": 1 + len(names)
        for lane in LANES
        for what, names in (("colour", OBJECT_COLOURS), ("shape", SHAPES))
    },
    "background": len(BACKGROUND_COLOURS),
    "texture": len(TEXTURES),
}
FRAMES_OF_VIDEO = 8
CAN_BE_ABSENT = [name.startswith(LANES) for name in CLASSES]
# Objects of a pair are smaller and harder to recognize than single objects, so more pairs are drawn.
WORLD = WorldOptions(scenes=(2, 4), pair_probability=0.7)
NOISE = 4.0  # standard deviation in gray levels of 0 to 255, about as much as H.264 leaves
PLACE_WEIGHT = 5.0
WARMUP_STEPS = 50


class DrawnFrames(IterableDataset):
    """
    Endless batches: pixels (B, 3, H, W) float32 in [-1, 1], labels (B, len(CLASSES)), and places (B, 3, 2).

    The place of an empty lane is NaN.
    """

    def __init__(self, batch_size: int, seed: int):
        self.batch_size, self.seed = batch_size, seed

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        # Workers take turns, and each batch has its own seed, so any number of workers gives the same batches.
        worker = get_worker_info()
        first, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for number in itertools.count(first, step):
            yield self._batch(np.random.default_rng([self.seed, 11, number]))

    def _batch(self, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        rows: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        while len(rows) < self.batch_size:
            video = draw_video(rng, WORLD)
            if not has_held_out(video):
                times = rng.integers(0, round(video.duration_seconds * FRAMES_PER_SECOND), FRAMES_OF_VIDEO)
                rows.extend(_labeled(video, time / FRAMES_PER_SECOND) for time in times)
        pictures, labels, places = (np.stack(column) for column in zip(*rows, strict=True))
        pictures = pictures + rng.normal(0, NOISE, pictures.shape)
        pixels = torch.from_numpy(pictures / 127.5 - 1).float().permute(0, 3, 1, 2)
        return pixels, torch.from_numpy(labels), torch.from_numpy(places).float()


def pretrain_tower(
    config: Any,
    *,
    steps: int,
    seed: int,
    batch_size: int = 64,
    peak_rate: float = 1e-3,
    workers: int = 2,
    device: str = "cpu",
) -> tuple[dict[str, torch.Tensor], dict[str, float]]:
    """
    Trains a vision tower with AdamW and a cosine schedule.

    Args:
        config: Configuration of the vision tower.
        steps: Number of steps.
        seed: Seed of the weights and of the frames.
        batch_size: Number of frames in a batch.
        peak_rate: Largest learning rate.
        workers: Number of processes that draw frames.
        device: `"cpu"` or `"cuda"`.

    Returns:
        The weights by name, and the accuracy of each label over the last tenth of the steps. The accuracy of colors and
        shapes counts only lanes that have an object.
    """
    torch.manual_seed(seed)
    tower = AutoModel.from_config(config).to(device)
    head = nn.Linear(config.hidden_size, sum(CLASSES.values()) + 2 * len(LANES)).to(device)
    parameters = [*tower.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=peak_rate, weight_decay=0.01)
    counts = []
    for step, batch in zip(range(steps), _load_batches(batch_size, seed, workers), strict=False):
        for group in optimizer.param_groups:
            group["lr"] = peak_rate * _rate_factor(step, steps)
        pixels, labels, places = (tensor.to(device) for tensor in batch)
        with torch.autocast(device, torch.bfloat16):
            features = encode_frames(tower, pixels, batch_size)
        loss, is_right = _loss(head(features.float().mean(1)), labels, places)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        counts.append(_count_right(is_right, labels))
        if (step + 1) % max(steps // 10, 1) == 0:
            print(f"tower: step {step + 1} of {steps}, loss {loss.item():.3f}", flush=True)
    num_right, num_shown = torch.stack(counts[-max(steps // 10, 1) :]).sum(0)
    accuracy = num_right / num_shown.clamp(min=1)
    return tower.cpu().state_dict(), dict(zip(CLASSES, accuracy.tolist(), strict=True))


def _load_batches(batch_size: int, seed: int, workers: int) -> DataLoader:
    # Not forked, because other threads may be running.
    context = "spawn" if workers else None
    return DataLoader(DrawnFrames(batch_size, seed), None, num_workers=workers, multiprocessing_context=context)


def _rate_factor(step: int, steps: int) -> float:
    """The learning rate of a step as a share of the largest one: a linear warm-up and a cosine decay."""
    return min(1, (step + 1) / WARMUP_STEPS) * 0.5 * (1 + math.cos(math.pi * step / steps))


def _count_right(is_right: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """(2, len(CLASSES)): correct predictions, and labels that count."""
    is_there = (labels > 0) | ~torch.tensor(CAN_BE_ABSENT, device=labels.device)
    return torch.stack([(is_right & is_there).sum(0), is_there.sum(0)])


def _loss(scores: torch.Tensor, labels: torch.Tensor, places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss, a scalar, and which labels are predicted correctly, (B, len(CLASSES))."""
    *classes, found = scores.split([*CLASSES.values(), 2 * len(LANES)], dim=1)
    loss = sum(
        (F.cross_entropy(each, labels[:, place]) for place, each in enumerate(classes)),
        torch.zeros((), device=scores.device),
    )
    is_there = ~places.isnan()
    squared_error = (found.view_as(places) - places.nan_to_num()) ** 2
    loss = loss + PLACE_WEIGHT * (squared_error * is_there).sum() / is_there.sum().clamp(min=1)
    return loss, torch.stack([each.argmax(1) for each in classes], 1) == labels


def _labeled(video: Video, seconds: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """
    A frame (H, W, 3), its labels in the order of CLASSES, and the place of the object in each lane, (3, 2).

    While a scene fades in, the labels are already those of the new scene.
    """
    scene = video.scene_at(seconds)
    present = {item.lane: item for item in scene.objects if item.enter_seconds <= seconds < item.leave_seconds}
    labels, places = [], np.full((len(LANES), 2), np.nan)
    for row, lane in enumerate(LANES):
        item = present.get(lane)
        if item is None:
            labels += [0, 0]
        else:
            labels += [1 + list(OBJECT_COLOURS).index(item.colour), 1 + SHAPES.index(item.shape)]
            places[row] = center_of(item, seconds)
    labels += [list(BACKGROUND_COLOURS).index(scene.background), TEXTURES.index(scene.texture)]
    return draw_frame(video, seconds), np.array(labels), places
