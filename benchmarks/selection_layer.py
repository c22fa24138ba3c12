"""What selecting scenes by an early layer of the vision tower saves, and what it changes.

    python -m benchmarks.selection_layer CLIPS... --frames 3600 --layers 12

The first table is the time of the tower on that number of frames: with all layers, and with a
quarter of them for the frames that are not selected. The tower is untrained and small; only the
ratio says something about larger ones. The second table is measured with the trained tower of a
model: the share of the cuts of joined clips that the scenes cover, as `python -m
fila_video.evaluation coverage` measures it, for each layer by which they are selected.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.encode_stream import TEXT


SIDE, PATCH_SIDE = 112, 14
WIDTH = 192
MINI = Path(__file__).parents[1] / "checkpoints" / "fila-video-mini"
SELECTION = "k-means++"  # of the small model


def make_model(num_layers: int) -> Any:
    """Makes an untrained model of the paper's selection and merging with a tower of this depth."""
    import torch

    from configuration_fila import FilaVideoConfig
    from modeling_fila import FilaVideoModel

    tower = {
        "model_type": "siglip_vision_model",
        "hidden_size": WIDTH,
        "intermediate_size": 4 * WIDTH,
        "num_hidden_layers": num_layers,
        "num_attention_heads": 3,
        "image_size": SIDE,
        "patch_size": PATCH_SIDE,
        "vision_use_head": False,
    }
    torch.manual_seed(0)
    return FilaVideoModel(FilaVideoConfig(vision_config=tower, text_config=TEXT)).eval()


def frames_at(places: Any) -> Iterator[Any]:
    """Yields a different frame of noise for each place."""
    import torch

    for place in places:
        generator = torch.Generator().manual_seed(place)
        yield torch.randint(0, 256, (SIDE, SIDE, 3), dtype=torch.uint8, generator=generator)


class TowerClock:
    """Adds up the time that a tower's embeddings and layers take.

    Args:
        tower: A SigLIP vision model.

    Attributes:
        seconds, cpu_seconds: The time so far.
        passes: Number of frames that have gone through a layer, summed over the layers.
    """

    def __init__(self, tower: Any):
        self.seconds = self.cpu_seconds = 0.0
        self.passes = 0
        self._start = (0.0, 0.0)
        for module in (tower.embeddings, *tower.encoder.layers):
            module.register_forward_pre_hook(self._begin)
            module.register_forward_hook(self._end)
        tower.embeddings.register_forward_hook(self._discount)

    def _begin(self, module: Any, args: Any) -> None:
        self._start = time.perf_counter(), time.process_time()

    def _end(self, module: Any, args: Any, output: Any) -> None:
        self.seconds += time.perf_counter() - self._start[0]
        self.cpu_seconds += time.process_time() - self._start[1]
        self.passes += len(output)

    def _discount(self, module: Any, args: Any, output: Any) -> None:
        self.passes -= len(output)


def measure_tower(num_frames: int, num_layers: int) -> list[list[Any]]:
    """Returns a row for all layers and one for a quarter of them."""
    rows = []
    for layer in (num_layers, num_layers // 4):
        model = make_model(num_layers)
        clock = TowerClock(model.vision_tower)
        options = None if layer == num_layers else {"selection_layer": layer}
        model.encode_video(frames_at(range(num_frames)), frames_at, scene_options=options, max_feature_bytes=0)
        rows.append([f"{layer} of {num_layers}", clock.passes, clock.seconds, clock.cpu_seconds])
    ratio = [full / early for full, early in zip(rows[0][1:], rows[1][1:], strict=True)]
    return [*rows, ["all / quarter", *ratio]]


def measure_coverage(clips: list[Path], model_path: str, num_frames: int, numbers_of_scenes: list[int]) -> list[Any]:
    """Returns a row for each layer: the share of all cuts, and of the shorter half, for each number of scenes."""
    from transformers import AutoModelForImageTextToText, AutoProcessor

    import fila_video  # noqa: F401 (registers the classes)
    from fila_video.evaluation import coverage

    model, processor = (kind.from_pretrained(model_path) for kind in (AutoModelForImageTextToText, AutoProcessor))
    rows = []
    for layer in range(model.config.vision_config.num_hidden_layers + 1):
        encoded = coverage.encode_clips(model, processor, clips, layer)
        found = coverage.measure_coverage(
            encoded, num_frames=num_frames, numbers_of_scenes=numbers_of_scenes, num_videos=200
        )
        shares = [(row.covered, row.covered_short) for row in found if row.method == SELECTION]
        rows.append([layer, *(f"{covered:.3f} ({short:.3f})" for covered, short in shares)])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="*", help="video files, each with a different subject")
    parser.add_argument("--frames", type=int, default=3600, help="number of frames that the tower encodes")
    parser.add_argument("--layers", type=int, default=12, help="number of layers of the tower, at least 4")
    parser.add_argument("--model", default=str(MINI), help="folder of the model whose scenes are measured")
    parser.add_argument("--sampled", type=int, default=96, help="number of frames sampled from each joined video")
    parser.add_argument("--scenes", type=int, nargs="+", default=[8, 16, 32], help="numbers of scenes to select")
    parser.add_argument("--threads", type=int, help="number of threads of PyTorch")
    arguments = parser.parse_args()
    # Imported here: `--help` does not need these.
    import torch

    from fila_video.common.tables import markdown_table

    if arguments.layers < 4:
        parser.error(f"--layers {arguments.layers}: a quarter of the layers needs at least 4")
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    rows = [
        [name, *(str(number) if isinstance(number, int) else f"{number:.2f}" for number in numbers)]
        for name, *numbers in measure_tower(arguments.frames, arguments.layers)
    ]
    print(markdown_table(["layers for all frames", "passes", "seconds", "CPU seconds"], rows, align="lrrr"))
    if arguments.clips:
        found = measure_coverage(arguments.clips, arguments.model, arguments.sampled, arguments.scenes)
        headers = ["layers", *(f"{count} scenes: cuts (shorter half)" for count in arguments.scenes)]
        print("\n" + markdown_table(headers, found, align="r" * len(headers)))


if __name__ == "__main__":
    main()
