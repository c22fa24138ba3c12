"""One measurement of `python -m benchmarks.model`, in a process that does nothing else."""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.model_sizes import load
from benchmarks.process_memory import status_bytes


PROMPT_TOKENS = 64  # of text, before and after the video


def run_engine(options: argparse.Namespace) -> dict[str, Any]:
    """Measures one model with one number of frames."""
    import torch

    torch.set_num_threads(options.threads)
    model = load(options)
    generate(model, options, num_frames=4, new_tokens=2)  # the first call prepares things that later ones reuse
    memory, clock = Memory(options.device), Clock(options.device)
    with timed_parts(model, options) as clock.parts:
        clock.start()
        generate(model, options, num_frames=options.num_frames, new_tokens=1 + options.new_tokens, after_token=clock)
    first, cpu, parts = clock.ticks[0]
    return {
        "first_token_seconds": first,
        "first_token_cpu_seconds": cpu,
        "tokens_per_second": options.new_tokens / max(clock.ticks[-1][0] - first, 1e-9),
        "peak_mib": memory.peak_mib_above_start(),
        "parts": {**parts, "other": first - sum(parts.values())},
    }


class Clock:
    """Notes after each new token the seconds and CPU seconds since the start, and those of each part of the model."""

    def __init__(self, device: str):
        self.parts: dict[str, float] = {}
        self.ticks: list[tuple[float, float, dict[str, float]]] = []
        self._device, self._start, self._cpu_start = device, 0.0, 0.0

    def start(self) -> None:
        synchronize(self._device)
        self._start, self._cpu_start = time.perf_counter(), time.process_time()

    def __call__(self, ids: Any, scores: Any, **others: Any) -> Any:
        """Called as a stopping criterion, which never stops."""
        synchronize(self._device)
        seconds, cpu = time.perf_counter() - self._start, time.process_time() - self._cpu_start
        self.ticks.append((seconds, cpu, dict(self.parts)))
        return ids.new_zeros(len(ids)).bool()


def generate(
    model: Any, options: argparse.Namespace, *, num_frames: int, new_tokens: int, after_token: Clock | None = None
) -> None:
    """Answers a prompt with a video. The frames are made here, so they count in the memory of both models."""
    import torch
    from transformers import StoppingCriteriaList

    num_tokens = count_tokens(options, model.config, num_frames)
    ids = torch.full((1, num_tokens + PROMPT_TOKENS), 5, device=options.device)
    ids[:, PROMPT_TOKENS // 2 : PROMPT_TOKENS // 2 + num_tokens] = model.config.video_token_id
    with torch.inference_mode():
        model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            pixel_values_videos=draw_frames(options, model.config, num_frames),
            do_sample=False,
            min_new_tokens=new_tokens,
            max_new_tokens=new_tokens,
            pad_token_id=0,
            stopping_criteria=StoppingCriteriaList([after_token] if after_token is not None else []),
        )


def draw_frames(options: argparse.Namespace, config: Any, num_frames: int) -> Any:
    """Returns frames of eight different scenes, (1, N, 3, H, W), in the form in which each model's pipeline has them.

    FiLA-Video takes bytes, which it normalizes chunk by chunk. LLaVA-OneVision takes normalized floats of all frames.
    """
    import torch

    generator = torch.Generator(options.device).manual_seed(0)
    side = config.vision_config.image_size
    scenes = torch.randint(128, (8, 3, side, side), generator=generator, device=options.device, dtype=torch.uint8)
    frames = scenes[torch.arange(num_frames, device=options.device) * 8 // num_frames]
    frames += torch.randint(128, (num_frames, 1, 1, 1), generator=generator, device=options.device, dtype=torch.uint8)
    if options.engine == "fila":
        return frames[None]
    floats = torch.empty(frames.shape, device=options.device, dtype=getattr(torch, options.dtype))
    for place, frame in enumerate(frames):
        floats[place] = frame
    return floats.div_(127.5).sub_(1)[None]


def count_tokens(options: argparse.Namespace, config: Any, num_frames: int) -> int:
    """Returns L, the number of visual tokens of a video."""
    patches = config.vision_config.image_size // config.vision_config.patch_size
    num_maps = min(num_frames, config.num_scenes) if options.engine == "fila" else num_frames
    return num_maps * (-(-patches // 2)) ** 2 + 1


@contextmanager
def timed_parts(model: Any, options: argparse.Namespace) -> Iterator[dict[str, float]]:
    """Measures the parts of our model while the block runs; nothing for LLaVA-OneVision."""
    parts: dict[str, float] = {}
    if options.engine != "fila":
        yield parts
        return
    from modeling_fila import modeling_fila_video as code

    inner = model.model
    modules = {"merging": inner.scene_merging, "projector": inner.multi_modal_projector}
    functions = {"encode_frames": "tower", "frame_representations": "selection", "find_scenes_of_each": "selection"}
    original = {name: getattr(code, name) for name in functions}
    hooks = [hook for part, module in modules.items() for hook in hook_module(module, part, parts, options.device)]
    hooks += hook_module(inner.language_model, "prompt", parts, options.device)
    for name, part in functions.items():
        setattr(code, name, measured(original[name], part, parts, options.device))
    try:
        yield parts
    finally:
        for name, function in original.items():
            setattr(code, name, function)
        for hook in hooks:
            hook.remove()


def measured(function: Any, part: str, parts: dict[str, float], device: str) -> Any:
    """Returns the function with its seconds added to a part."""

    def call(*args: Any, **kwargs: Any) -> Any:
        synchronize(device)
        start = time.perf_counter()
        result = function(*args, **kwargs)
        synchronize(device)
        parts[part] = parts.get(part, 0.0) + time.perf_counter() - start
        return result

    return call


def hook_module(module: Any, part: str, parts: dict[str, float], device: str) -> list[Any]:
    """Adds the seconds of a module to a part."""
    starts: list[float] = []

    def before(*_: Any) -> None:
        synchronize(device)
        starts.append(time.perf_counter())

    def after(*_: Any) -> None:
        synchronize(device)
        parts[part] = parts.get(part, 0.0) + time.perf_counter() - starts.pop()

    return [module.register_forward_pre_hook(before), module.register_forward_hook(after)]


def synchronize(device: str) -> None:
    """Waits until a GPU has done its work."""
    import torch

    if device.startswith("cuda"):
        torch.cuda.synchronize()


class Memory:
    """The largest memory since this object was made: allocated on a GPU, or of the process on a CPU."""

    def __init__(self, device: str):
        self._is_gpu = device.startswith("cuda")
        if self._is_gpu:
            import torch

            torch.cuda.reset_peak_memory_stats()
            self._start = torch.cuda.memory_allocated() / 2**20
        else:
            Path("/proc/self/clear_refs").write_text("5")  # sets VmHWM to the present memory
            self._start = status_bytes("VmRSS") / 2**20

    def peak_mib_above_start(self) -> float:
        """The largest memory in MiB, less that at the start."""
        if not self._is_gpu:
            return status_bytes("VmHWM") / 2**20 - self._start
        import torch

        return torch.cuda.max_memory_allocated() / 2**20 - self._start
