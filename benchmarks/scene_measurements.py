"""The measurements of `scene_selection.py`.

Shape letters: N frames, D width of the tower.
"""

import platform
import statistics
import time
import warnings
from collections.abc import Callable

import torch
import transformers
from torch import Tensor

from modeling_fila.configuration_fila import FilaVideoConfig
from modeling_fila.kmeans import distances
from modeling_fila.scene_merging import build_scene_merging
from modeling_fila.scene_selection import find_scenes, frame_representations


NUM_SCENES, SCENE_SIZE, NUM_PATCHES, HIDDEN_SIZE = 32, 3, 729, 1152
SELECTIONS = {
    "kmeans, random start": {"selection": "kmeans"},
    "kmeans, kmeans++ start": {"selection": "kmeans", "kmeans_init": "kmeans++"},
    "uniform": {"selection": "uniform"},
    "bsm": {"selection": "bsm"},
}


def median_seconds(function: Callable[[], object], device: torch.device, repeats: int) -> float:
    """The median time of a call, including its work on the device, after two warm-up calls."""
    seconds = []
    for _ in range(repeats + 2):
        synchronize(device)
        start = time.perf_counter()
        function()
        synchronize(device)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[2:])


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def host_waits(function: Callable[[], object], device: torch.device) -> int | None:
    """How often a call makes the host wait for the GPU. None on a CPU."""
    if device.type != "cuda":
        return None
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            function()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(warning.message) for warning in caught)


def peak_bytes(function: Callable[[], object], device: torch.device) -> int | None:
    """The peak memory of a call, including its result. None on a CPU."""
    if device.type != "cuda":
        return None
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    function()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) - before


def separated_clusters(num_clusters: int, frames_per_cluster: int, width: int) -> Tensor:
    """(N, D): clusters with a standard deviation of 1, whose centers are about 10 times as far apart."""
    generator = torch.Generator().manual_seed(0)
    centers = 10 * torch.randn(num_clusters, width, generator=generator)
    frames = centers.repeat_interleave(frames_per_cluster, dim=0)
    return frames + torch.randn(frames.shape, generator=generator)


def compare_starts(device: torch.device, num_seeds: int) -> list[dict]:
    """For both starts: the summed distance to the representatives and the number of missed clusters, over seeds."""
    per_cluster = 30
    features = separated_clusters(NUM_SCENES, per_cluster, width=64).to(device)
    rows = []
    for init in ("random", "kmeans++"):
        sums, missed = [], []
        for seed in range(num_seeds):
            options = {"num_scenes": NUM_SCENES, "scene_size": 1, "kmeans_init": init, "kmeans_seed": seed}
            chosen = find_scenes(features, **options).representatives
            sums.append(distances(features, features[chosen]).amin(dim=1).sum().item())
            missed.append(NUM_SCENES - (chosen // per_cluster).unique().numel())
        rows.append(
            {
                "start": init,
                "summed distance, best seed": min(sums),
                "median seed": statistics.median(sums),
                "worst seed": max(sums),
                f"clusters of {NUM_SCENES} missed, median": statistics.median(missed),
                "missed, worst": max(missed),
            }
        )
    return rows


def long_video(num_frames: int, device: torch.device) -> Tensor:
    """(N, D): neighboring frames are similar, and there is a cut every 50 frames on average."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(num_frames, HIDDEN_SIZE, generator=generator)
    is_cut = torch.rand(num_frames, 1, generator=generator) < 0.02
    return torch.where(is_cut, 3 * noise, 0.1 * noise).cumsum(dim=0).to(device)


@torch.no_grad()
def tower_seconds(device: torch.device, num_frames: int, sample: int, chunk: int, repeats: int) -> float:
    """The vision tower's time for `num_frames` frames, extrapolated from `sample` frames in chunks of `chunk`."""
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    with torch.device(device):
        tower = transformers.AutoModel.from_config(FilaVideoConfig().vision_config, dtype=dtype).eval()
        frames = torch.randn(chunk, 3, 384, 384, dtype=dtype)

    def encode() -> None:
        for _ in range(sample // chunk):
            tower(pixel_values=frames)

    return median_seconds(encode, device, repeats) * num_frames / sample


def compare_selections(device: torch.device, num_frames: int, tower: float, repeats: int) -> list[dict]:
    """The time of each method, from the tower's features to the scenes, as a share of the tower's time."""
    chunk = torch.randn(16, NUM_PATCHES, HIDDEN_SIZE, device=device)
    chunk = chunk.to(torch.bfloat16 if device.type == "cuda" else torch.float32)
    pooling = median_seconds(lambda: frame_representations(chunk), device, repeats) * num_frames / len(chunk)
    representations = long_video(num_frames, device)
    rows = []
    for name, options in SELECTIONS.items():

        def select(options: dict = options) -> object:
            return find_scenes(representations, num_scenes=NUM_SCENES, scene_size=SCENE_SIZE, **options)

        seconds = median_seconds(select, device, repeats) + pooling
        rows.append(
            {
                "selection": name,
                "milliseconds": 1e3 * seconds,
                "percent of the tower's time": 100 * seconds / tower,
                "host waits": host_waits(select, device),
            }
        )
    return rows


@torch.no_grad()
def compare_mergings(device: torch.device, repeats: int) -> list[dict]:
    """The time and memory of each merging method. Memory is a multiple of that of the scenes themselves."""
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    num_scenes = NUM_SCENES if device.type == "cuda" else 2
    sizes = {"scene_size": SCENE_SIZE, "num_patches": NUM_PATCHES, "hidden_size": HIDDEN_SIZE}
    scenes = torch.randn(num_scenes, SCENE_SIZE, NUM_PATCHES, HIDDEN_SIZE, device=device, dtype=dtype)
    mergings = {name: build_scene_merging(name, **sizes) for name in ("weighted", "average", "attention", "bsm")}
    mergings = {name: merging.to(device, dtype) for name, merging in mergings.items()}
    weight = mergings["weighted"].weight
    mergings["einsum"] = lambda scenes: torch.einsum("skpd,kpd->spd", scenes, weight)
    rows = []
    for name, merging in mergings.items():
        seconds = median_seconds(lambda merging=merging: merging(scenes), device, repeats)
        peak = peak_bytes(lambda merging=merging: merging(scenes), device)
        rows.append(
            {
                "merging": name,
                f"milliseconds for {num_scenes} scenes": 1e3 * seconds,
                "peak memory / scenes": None if peak is None else peak / scenes.nbytes,
            }
        )
    return rows


def environment(device: torch.device) -> dict:
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "cpu",
        "cpu_threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "python": platform.python_version(),
    }
