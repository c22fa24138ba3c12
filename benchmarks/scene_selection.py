"""Measures how good and how fast scene selection is, and what scene merging costs.

    python benchmarks/scene_selection.py --device cuda --json scene_selection.json

Prints Markdown tables and, with --json, writes the numbers to a file. It measures

1. the two starts of k-means on well separated clusters: the distance from each frame to the nearest representative,
   summed over the frames, for many seeds;
2. the time of each selection method for one long video, as a share of the vision tower's time for the same frames
   (SigLIP so400m patch14-384, untrained weights, measured on a sample of the frames), and how often the host waited;
3. the time and memory of the merging methods for one video. `einsum` is eq. 7 in a single call, for comparison.

Times are medians. The tower runs in bfloat16 on a GPU and in float32 on a CPU. Selection always computes in float32.

Shape letters: N frames, D width of the tower.
"""

import argparse
import json
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
import transformers
from torch import Tensor


sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fila_video.common.tables import markdown_table  # noqa: E402
from modeling_fila.configuration_fila import FilaVideoConfig  # noqa: E402
from modeling_fila.kmeans import distances  # noqa: E402
from modeling_fila.scene_merging import build_scene_merging  # noqa: E402
from modeling_fila.scene_selection import find_scenes, frame_representations  # noqa: E402


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


def markdown(rows: list[dict]) -> str:
    """A Markdown table with the keys of the first row as its header."""
    header = list(rows[0])
    cells = [["" if row[key] is None else _cell(row[key]) for key in header] for row in rows]
    return markdown_table(header, cells, align="l" + "r" * (len(header) - 1))


def _cell(value: str | int | float) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    return str(value)


def environment(device: torch.device) -> dict:
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "cpu",
        "cpu_threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "python": platform.python_version(),
    }


def main() -> None:
    default_device = "cuda" if torch.cuda.is_available() else "cpu"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--device",
        type=torch.device,
        default=torch.device(default_device),
        help="device to measure on (default: cuda if there is a GPU, otherwise cpu)",
    )
    parser.add_argument("--frames", type=int, default=3600, help="number of frames of the long video (default: 3600)")
    parser.add_argument(
        "--tower-frames", type=int, help="number of frames to time the tower on (default: 256, 2 on a CPU)"
    )
    parser.add_argument(
        "--tower-chunk", type=int, help="number of frames in a chunk of the tower (default: 32, 1 on a CPU)"
    )
    parser.add_argument(
        "--seeds", type=int, default=50, help="number of seeds to compare the starts with (default: 50)"
    )
    parser.add_argument("--repeats", type=int, help="number of timed calls (default: 10, 3 on a CPU)")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    arguments = parser.parse_args()
    device, is_gpu = arguments.device, arguments.device.type == "cuda"
    repeats = arguments.repeats or (10 if is_gpu else 3)
    sample, chunk = arguments.tower_frames or (256 if is_gpu else 2), arguments.tower_chunk or (32 if is_gpu else 1)
    if sample % chunk:
        parser.error(f"--tower-frames {sample} is not a multiple of --tower-chunk {chunk}")

    tower = tower_seconds(device, arguments.frames, sample, chunk, repeats)
    results = {
        "environment": environment(device),
        "frames": arguments.frames,
        "tower_seconds": tower,
        "starts": compare_starts(device, arguments.seeds),
        "selections": compare_selections(device, arguments.frames, tower, repeats),
        "mergings": compare_mergings(device, repeats),
    }
    print(*(f"{key}: {value}" for key, value in results["environment"].items()), sep=", ")
    print(f"\nThe starts of k-means, {arguments.seeds} seeds:\n\n{markdown(results['starts'])}")
    print(f"\n{arguments.frames} frames; the tower takes {tower:.1f} s:\n\n{markdown(results['selections'])}")
    print(f"\nMerging:\n\n{markdown(results['mergings'])}")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
