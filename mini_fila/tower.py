"""Teaches the vision tower what there is in a frame, as SigLIP's is taught before a FiLA-Video is made of it.

A linear head on the mean of the patch features, which is what scenes are found by and what the projector is given, has
to name colour and shape of the objects, where they are, and the background. The head is thrown away.
"""

import itertools
import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset, get_worker_info
from transformers import AutoModel

from evaluation_fila.drawing import centre_of, draw_frame
from evaluation_fila.splits import has_held_out
from evaluation_fila.vocabulary import BACKGROUND_COLOURS, OBJECT_COLOURS, SHAPES, TEXTURES
from evaluation_fila.world import FRAMES_PER_SECOND, Video, WorldOptions, draw_video
from modeling_fila.vision_features import encode_frames


LANES = ("whole", "top", "bottom")
# Label 0 of a lane's colour and shape: nobody is there.
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
# Pairs are smaller and harder to tell than objects that are alone, so more of them are shown.
WORLD = WorldOptions(scenes=(2, 4), pair_probability=0.7)
NOISE = 4.0  # of 255; about what H.264 leaves
PLACE_WEIGHT = 5.0


class DrawnFrames(IterableDataset):
    """Batches without end: (B, 3, H, W) float32 in [-1, 1], labels (B, len(CLASSES)), places (B, 3, 2) or NaN."""

    def __init__(self, batch_size: int, seed: int):
        self.batch_size, self.seed = batch_size, seed

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        # Workers take turns, and each batch has a seed of its own: the same batches with any number of workers.
        worker = get_worker_info()
        first, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for number in itertools.count(first, step):
            rng = np.random.default_rng([self.seed, 11, number])
            rows = []
            while len(rows) < self.batch_size:
                video = draw_video(rng, WORLD)
                if not has_held_out(video):
                    times = rng.integers(0, round(video.duration_seconds * FRAMES_PER_SECOND), FRAMES_OF_VIDEO)
                    rows.extend(_labelled(video, time / FRAMES_PER_SECOND) for time in times)
            pictures, labels, places = (np.stack(column) for column in zip(*rows, strict=True))
            pictures = pictures + rng.normal(0, NOISE, pictures.shape)
            pixels = torch.from_numpy(pictures / 127.5 - 1).float().permute(0, 3, 1, 2)
            yield pixels, torch.from_numpy(labels), torch.from_numpy(places).float()


def pretrain_tower(
    config,
    *,
    steps: int,
    seed: int,
    batch_size: int = 64,
    peak_rate: float = 1e-3,
    workers: int = 2,
    device: str = "cpu",
):
    """
    A vision tower of this configuration, trained; AdamW, cosine.

    Returns:
        its weights by name, and the accuracy of each label over the last tenth of the steps; of colours and shapes
        where there is an object.
    """
    torch.manual_seed(seed)
    tower = AutoModel.from_config(config).to(device)
    head = nn.Linear(config.hidden_size, sum(CLASSES.values()) + 2 * len(LANES)).to(device)
    parameters = [*tower.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=peak_rate, weight_decay=0.01)
    # Not forked: other threads may be at work.
    context = "spawn" if workers else None
    loader = DataLoader(DrawnFrames(batch_size, seed), None, num_workers=workers, multiprocessing_context=context)
    batches = iter(loader)
    can_be_absent, right = torch.tensor(CAN_BE_ABSENT, device=device), []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = peak_rate * min(1, (step + 1) / 50) * 0.5 * (1 + math.cos(math.pi * step / steps))
        pixels, labels, places = (tensor.to(device) for tensor in next(batches))
        with torch.autocast(device, torch.bfloat16):
            features = encode_frames(tower, pixels, batch_size)
        scores = head(features.float().mean(1))
        loss, is_right = _loss(scores, labels, places)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        is_there = (labels > 0) | ~can_be_absent
        right.append(torch.stack([(is_right & is_there).sum(0), is_there.sum(0)]))
        if (step + 1) % max(steps // 10, 1) == 0:
            print(f"tower: step {step + 1} of {steps}, loss {loss.item():.3f}", flush=True)
    num_right, num_shown = torch.stack(right[-max(steps // 10, 1) :]).sum(0)
    accuracy = num_right / num_shown.clamp(min=1)
    return tower.cpu().state_dict(), dict(zip(CLASSES, accuracy.tolist(), strict=True))


def _loss(scores: torch.Tensor, labels: torch.Tensor, places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss, a scalar, and which labels (B, len(CLASSES)) are named right."""
    *classes, found = scores.split([*CLASSES.values(), 2 * len(LANES)], dim=1)
    loss = sum(F.cross_entropy(each, labels[:, place]) for place, each in enumerate(classes))
    is_there = ~places.isnan()
    off = (found.view_as(places) - places.nan_to_num()) ** 2
    loss = loss + PLACE_WEIGHT * (off * is_there).sum() / is_there.sum().clamp(min=1)
    return loss, torch.stack([each.argmax(1) for each in classes], 1) == labels


def _labelled(video: Video, seconds: float):
    """
    A frame (H, W, 3), its labels in the order of CLASSES, and where the object of each lane is, (3, 2). While a scene
    fades in, the labels are already its own.
    """
    scene = video.scene_at(seconds)
    there = {item.lane: item for item in scene.objects if item.enter_seconds <= seconds < item.leave_seconds}
    labels, places = [], np.full((len(LANES), 2), np.nan)
    for row, lane in enumerate(LANES):
        item = there.get(lane)
        labels += (
            [0, 0] if item is None else [1 + list(OBJECT_COLOURS).index(item.colour), 1 + SHAPES.index(item.shape)]
        )
        if item is not None:
            places[row] = centre_of(item, seconds)
    labels += [list(BACKGROUND_COLOURS).index(scene.background), TEXTURES.index(scene.texture)]
    return draw_frame(video, seconds), np.array(labels), places
