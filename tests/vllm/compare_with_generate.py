"""Asks vLLM and `generate` the same questions; run in the environment of vLLM.

    python compare_with_generate.py REQUEST.json ANSWERS.json

The request names `model` (a folder), `timestamps`, `clips` (paths), `num_frames`, `questions`, and `prompts`: for each
prompt the indices of its clips and the index of its question; the index of a clip may be "image". The answers hold for
each prompt `vllm`, `generate`, `prompt_tokens` and `cached_tokens`.
"""

import json
import sys
from pathlib import Path

import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor
from vllm import LLM, SamplingParams


MAX_NEW_TOKENS = 40
IMAGE = Image.new("RGB", (64, 64), "orange")


def main(request: dict) -> list[dict]:
    processor = AutoProcessor.from_pretrained(request["model"], trust_remote_code=True)
    loaded = processor.video_processor.load_videos(request["clips"], num_frames=request["num_frames"])
    prompts = [media_and_text(processor, request, loaded, prompt) for prompt in request["prompts"]]
    expected = [by_generate(processor, request, *prompt) for prompt in prompts]
    return [
        {"generate": answer, **found} for answer, found in zip(expected, by_vllm(request, loaded, prompts), strict=True)
    ]


def media_and_text(processor, request: dict, loaded: list, prompt: dict) -> tuple[list, list, str]:
    """Videos, images and the prompt as text."""
    parts = [{"type": "image" if clip == "image" else "video"} for clip in prompt["clips"]]
    content = [*parts, {"type": "text", "text": request["questions"][prompt["question"]]}]
    text = processor.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    )
    videos = [loaded[clip] for clip in prompt["clips"] if clip != "image"]
    return videos, [IMAGE] * (len(prompt["clips"]) - len(videos)), text


def by_generate(processor, request: dict, videos: list, images: list, text: str) -> str:
    model = by_generate.model = getattr(by_generate, "model", None) or AutoModelForImageTextToText.from_pretrained(
        request["model"], trust_remote_code=True, dtype=torch.float32
    )
    inputs = processor(
        text=text,
        videos=videos or None,
        images=images or None,
        timestamps=request["timestamps"],
        return_tensors="pt",
    )
    output = model.generate(**inputs, max_new_tokens=MAX_NEW_TOKENS, do_sample=False)
    return processor.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def by_vllm(request: dict, loaded: list, prompts: list) -> list[dict]:
    model = LLM(
        request["model"],
        trust_remote_code=True,
        model_impl="transformers",
        dtype="float32",
        enforce_eager=True,
        max_model_len=2048,
        limit_mm_per_prompt={"video": 2, "image": 1},
        mm_processor_kwargs={"timestamps": request["timestamps"]},
        gpu_memory_utilization=0.2,
    )
    asked = [
        {"prompt": text, "multi_modal_data": {"video": [with_metadata(video) for video in videos], "image": images}}
        for videos, images, text in prompts
    ]
    asked = [
        {**prompt, "multi_modal_data": {name: data for name, data in prompt["multi_modal_data"].items() if data}}
        for prompt in asked
    ]
    outputs = model.generate(asked, SamplingParams(temperature=0, max_tokens=MAX_NEW_TOKENS), use_tqdm=False)
    return [
        {
            "vllm": output.outputs[0].text,
            "prompt_tokens": len(output.prompt_token_ids),
            "cached_tokens": output.num_cached_tokens,
        }
        for output in outputs
    ]


def with_metadata(video) -> tuple:
    """Frames and what is known of them, in the form in which vLLM takes videos from memory."""
    metadata = {name: value for name, value in video.metadata.items() if value is not None}
    return video.frames.numpy(), {**metadata, "do_sample_frames": False}


if __name__ == "__main__":
    answers = main(json.loads(Path(sys.argv[1]).read_text()))
    Path(sys.argv[2]).write_text(json.dumps(answers, indent=1))
