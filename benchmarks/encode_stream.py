"""Time and memory of encoding a video as it is read, with a small tower at the paper's size of frames.

    python -m benchmarks.encode_stream hour.mp4 --frames 3600 --part both

`--part decoding` reads the frames alone, and `--part tower` encodes noise in place of them: the
larger of the two is the least that both can take together. Each part is measured in a process of
its own. The weights are untrained. `--compare` then encodes all frames at once, and compares scenes
and features; that needs memory for all of them.
"""

import argparse
import json
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.process_memory import status_bytes


TOWER = {
    "model_type": "siglip_vision_model",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 384,
    "patch_size": 14,
    "vision_use_head": False,
}
TEXT = {
    "model_type": "qwen2",
    "vocab_size": 300,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
}


def noise(num_frames: int) -> Iterator[Any]:
    import torch

    frame = torch.randint(0, 256, (384, 384, 3), dtype=torch.uint8)
    for _ in range(num_frames):
        yield frame


def run(arguments: argparse.Namespace, model: Any) -> dict[str, Any]:
    """Does the work once."""
    from processing_fila import FilaVideoVideoProcessor

    max_feature_bytes = arguments.feature_mib * 2**20
    if arguments.part == "tower":
        frames = noise(arguments.frames)
        model.encode_video(frames, lambda places: noise(len(places)), max_feature_bytes=max_feature_bytes)
        return {"frames": arguments.frames}
    processor = FilaVideoVideoProcessor(max_frames=arguments.frames, num_frames=arguments.frames)
    with processor.open_stream(arguments.video) as stream:
        if arguments.part == "decoding":
            return {"frames": sum(1 for _ in stream)}
        features = model.encode_video(
            stream, stream.frames_at, num_frames=len(stream), max_feature_bytes=max_feature_bytes
        )
        return {"frames": len(stream.metadata.frame_seconds), "features": features}


def compare(arguments: argparse.Namespace, model: Any, features: Any) -> dict[str, Any]:
    """Encodes all frames at once, and compares the result with that of the stream."""
    import torch

    from processing_fila import FilaVideoVideoProcessor

    processor = FilaVideoVideoProcessor(max_frames=arguments.frames, num_frames=arguments.frames)
    pixels = processor(videos=arguments.video, as_bytes=True, return_tensors="pt")["pixel_values_videos"]
    with torch.no_grad():
        wanted = model.get_video_features(pixels)
    difference = (features.pooler_output[0] - wanted.pooler_output[0]).abs().max()
    return {
        "same_scenes": torch.equal(features.scene_frame_indices, wanted.scene_frame_indices),
        "largest_difference_of_features": float(difference),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", help="path of a video")
    parser.add_argument("--frames", type=int, default=3600, help="number of frames to sample")
    parser.add_argument("--part", choices=("both", "decoding", "tower"), default="both", help="what to measure")
    parser.add_argument("--feature-mib", type=int, default=64, help="MiB of patch features that are kept")
    parser.add_argument("--threads", type=int, help="number of threads of PyTorch")
    parser.add_argument("--compare", action="store_true", help="compare with encoding all frames at once")
    arguments = parser.parse_args()
    # Imported here: `--help` does not need these.
    import torch

    from configuration_fila import FilaVideoConfig
    from modeling_fila import FilaVideoModel

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    model = FilaVideoModel(FilaVideoConfig(vision_config=TOWER, text_config=TEXT)).eval()
    loaded, start, cpu = status_bytes("VmRSS"), time.perf_counter(), time.process_time()
    numbers = run(arguments, model)
    numbers |= {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu}
    numbers |= {"peak_mib": status_bytes("VmHWM") / 2**20, "loaded_mib": loaded / 2**20}
    features = numbers.pop("features", None)
    if features is not None:
        numbers["scenes"] = len(features.scene_representatives[0])
        numbers |= compare(arguments, model, features) if arguments.compare else {}
    print(json.dumps({"part": arguments.part, **numbers}))


if __name__ == "__main__":
    main()
