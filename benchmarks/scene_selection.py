"""Measures how good and how fast scene selection is, and what scene merging costs.

    python benchmarks/scene_selection.py --device cuda --json scene_selection.json

Prints Markdown tables and, with --json, writes the numbers to a file. It measures

1. the two starts of k-means on well separated clusters: the distance from each frame to the
   nearest representative, summed over the frames, for many seeds;
2. the time of each selection method for one long video, as a share of the vision tower's time for
   the same frames (SigLIP so400m patch14-384, untrained weights, measured on a sample of the
   frames), and how often the host waited;
3. the time and memory of the merging methods for one video. `einsum` is eq. 7 in a single call,
   for comparison.

Times are medians. The tower runs in bfloat16 on a GPU and in float32 on a CPU. Selection always
computes in float32.
"""

import argparse
import json
import sys
from pathlib import Path


sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fila_video.common.tables import markdown_table  # noqa: E402


def markdown(rows: list[dict]) -> str:
    """A Markdown table with the keys of the first row as its header."""
    header = list(rows[0])
    cells = [["" if row[key] is None else _cell(row[key]) for key in header] for row in rows]
    return markdown_table(header, cells, align="l" + "r" * (len(header) - 1))


def _cell(value: str | int | float) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    return str(value)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", help="device to measure on (default: cuda if there is a GPU, otherwise cpu)")
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
    return parser


def main() -> None:
    parser = build_parser()
    arguments = parser.parse_args()
    # These imports take seconds, which --help does not need.
    import torch

    from benchmarks import scene_measurements as measured

    device = torch.device(arguments.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    is_gpu = device.type == "cuda"
    repeats = arguments.repeats or (10 if is_gpu else 3)
    sample, chunk = arguments.tower_frames or (256 if is_gpu else 2), arguments.tower_chunk or (32 if is_gpu else 1)
    if sample % chunk:
        parser.error(f"--tower-frames {sample} is not a multiple of --tower-chunk {chunk}")

    tower = measured.tower_seconds(device, arguments.frames, sample, chunk, repeats)
    results = {
        "environment": measured.environment(device),
        "frames": arguments.frames,
        "tower_seconds": tower,
        "starts": measured.compare_starts(device, arguments.seeds),
        "selections": measured.compare_selections(device, arguments.frames, tower, repeats),
        "mergings": measured.compare_mergings(device, repeats),
    }
    print(*(f"{key}: {value}" for key, value in results["environment"].items()), sep=", ")
    print(f"\nThe starts of k-means, {arguments.seeds} seeds:\n\n{markdown(results['starts'])}")
    print(f"\n{arguments.frames} frames; the tower takes {tower:.1f} s:\n\n{markdown(results['selections'])}")
    print(f"\nMerging:\n\n{markdown(results['mergings'])}")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
