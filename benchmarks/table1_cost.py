"""What the paper's Table 1 costs a model of its size, computed from shapes; nothing is run.

    python -m benchmarks.table1_cost
    python -m benchmarks.table1_cost --base

`--base` computes the paper's FiLA-Base: 64 frames, each of which the language model reads.

weights     of the model in bfloat16
cache       keys and values of one prompt with a video
largest     logits, frames and activations of the vision tower for one chunk of frames, and the cache
hours       the matrix products of all videos and questions at an assumed rate, and reading the weights
            once for each token of an answer. Reading the videos is not part of it: it takes CPU time,
            which docs/benchmarks.md has.
"""

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.model_limit import block_flops
from fila_video.common.tables import markdown_table


if TYPE_CHECKING:
    from configuration_fila import FilaVideoConfig


BYTES = 2  # of a number in bfloat16
QUESTION_TOKENS = 120  # of a question with its options and the instruction
ANSWER_TOKENS = 8
FRAMES_PER_CHUNK = 16


@dataclass(frozen=True)
class Size:
    """How many questions a benchmark has, and about how many videos at most."""

    questions: int
    videos: int


# Of the public data sets. Where the number of videos is not stated, it is that of the questions.
SIZES = {
    "VideoMME, without and with subtitles": Size(2 * 2700, 900),
    "MVBench": Size(4000, 4000),
    "LongVideoBench": Size(1337, 1337),
    "MLVU": Size(2174, 2174),
    "EgoSchema, labeled part": Size(500, 500),
    "NextQA": Size(8564, 1000),
    "PerceptionTest": Size(19140, 5900),
}


def prompt_tokens(config: "FilaVideoConfig", num_frames: int) -> int:
    """Returns L, the number of visual tokens of a video."""
    from processing_fila.video_tokens import count_scenes, count_tokens, pooled_side

    kept = None if config.scene_merging == "none" else config.num_scenes
    patches = config.vision_config.image_size // config.vision_config.patch_size
    side = pooled_side(patches, mode=config.spatial_pool_mode, stride=config.spatial_pool_stride)
    maps = count_scenes(num_frames, num_scenes=kept)
    return count_tokens(maps, side=side, newline_position=config.newline_position)


def flops_of_video(config: "FilaVideoConfig", num_frames: int) -> float:
    """Returns the operations of the tower for all frames, and of the language model for the video's tokens."""
    vision, text = config.vision_config.to_dict(), config.text_config.to_dict()
    patches = (vision["image_size"] // vision["patch_size"]) ** 2
    tower = num_frames * block_flops(vision, patches, is_causal=False, num_mlp_products=2)
    tokens = prompt_tokens(config, num_frames)
    return tower + block_flops(text, tokens, is_causal=True, num_mlp_products=3)


def flops_of_question(config: "FilaVideoConfig", num_frames: int) -> float:
    """Returns the operations of a question whose video is in the cache already, and of its answer."""
    text, before = config.text_config.to_dict(), prompt_tokens(config, num_frames)
    after = before + QUESTION_TOKENS + ANSWER_TOKENS
    return block_flops(text, after, is_causal=True, num_mlp_products=3) - block_flops(
        text, before, is_causal=True, num_mlp_products=3
    )


def memory_gb(config: "FilaVideoConfig", num_frames: int) -> dict[str, float]:
    """Returns the memory of weights, cache and all together, in GB."""
    import torch

    from modeling_fila import FilaVideoForConditionalGeneration

    with torch.device("meta"):
        model: Any = FilaVideoForConditionalGeneration(config)
    weights = BYTES * sum(parameter.numel() for parameter in model.parameters())
    text, vision = config.text_config, config.vision_config
    length = prompt_tokens(config, num_frames) + QUESTION_TOKENS + ANSWER_TOKENS
    head = text.hidden_size // text.num_attention_heads
    cache = 2 * BYTES * text.num_hidden_layers * text.num_key_value_heads * head * length
    patches = (vision.image_size // vision.patch_size) ** 2
    features = BYTES * num_frames * patches * vision.hidden_size
    chunk = BYTES * FRAMES_PER_CHUNK * patches * (6 * vision.hidden_size + vision.intermediate_size)
    prefill = BYTES * length * (6 * text.hidden_size + 3 * text.intermediate_size)
    frames = num_frames * 3 * vision.image_size**2
    return {
        "weights": weights / 1e9,
        "cache": cache / 1e9,
        "largest": (weights + cache + features + frames + max(chunk, prefill)) / 1e9,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.table1_cost", description="Compute the cost of Table 1."
    )
    parser.add_argument("--base", action="store_true", help="compute FiLA-Base with 64 frames")
    parser.add_argument("--frames", type=int, help="frames of a video (default: 96, or 64 with --base)")
    parser.add_argument(
        "--tflops", type=float, default=300, help="assumed rate of the GPU, in 10^12 operations a second"
    )
    parser.add_argument("--bandwidth", type=float, default=2000, help="assumed GB that the GPU reads in a second")
    options = parser.parse_args()
    from configuration_fila import FilaVideoConfig

    config = FilaVideoConfig(scene_selection="uniform", scene_merging="none") if options.base else FilaVideoConfig()
    num_frames = options.frames or (64 if options.base else 96)
    print(f"{num_frames} frames, {prompt_tokens(config, num_frames)} visual tokens per video")
    memory = memory_gb(config, num_frames)
    print(", ".join(f"{name} {size:.1f} GB" for name, size in memory.items()))
    of_video, of_question = flops_of_video(config, num_frames), flops_of_question(config, num_frames)
    rate, of_answer = options.tflops * 1e12, ANSWER_TOKENS * memory["weights"] / options.bandwidth
    rows = []
    for name, size in SIZES.items():
        seconds = (size.videos * of_video + size.questions * of_question) / rate + size.questions * of_answer
        rows.append((name, f"{size.questions:,}", f"{size.videos:,}", f"{seconds / 3600:.2f}"))
    total = sum(float(row[-1]) for row in rows)
    rows.append(("all", f"{sum(size.questions for size in SIZES.values()):,}", "", f"{total:.1f}"))
    print(markdown_table(("benchmark", "questions", "videos, at most", "hours"), rows, align="lrrr"))


if __name__ == "__main__":
    main()
