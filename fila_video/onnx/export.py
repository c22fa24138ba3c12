"""Writes a model as a folder of ONNX files that `OnnxVideoAnswerer` reads."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from fila_video.common.loading import loading
from fila_video.conversion.checkpoint_folder import MAX_NEW_TOKENS, unfinished_folder
from modeling_fila.kmeans import draw_random_numbers
from modeling_fila.vision_features import encode_frames

from .runner import EncodedVideo, OnnxVideoAnswerer
from .settings import TOKENIZER_FILE, Settings, write_settings
from .write_parts import write_parts


QUESTION = "What happens?"
# In float32, the two differ by rounding: less than 1e-4 for a small model, more for a deep one.
LARGEST_DIFFERENCE = 1e-2


@dataclass(frozen=True)
class Differences:
    """Largest difference between ONNX Runtime and PyTorch, in float32.

    Args:
        features: Of the features of the vision tower.
        tokens: Of the visual tokens.
        logits: Of the logits of the first token of an answer.
    """

    features: float
    tokens: float
    logits: float

    def __str__(self) -> str:
        return f"features {self.features:.1e}, visual tokens {self.tokens:.1e}, logits {self.logits:.1e}"


def export_model(
    model_path: str, output: Path, *, num_frames: int | None = None, trust_remote_code: bool = False
) -> Differences:
    """Writes the folder and compares its answers with those of PyTorch.

    Args:
        model_path: Folder or Hub id of a FiLA-Video model.
        output: Folder to write, which must not exist or be empty.
        num_frames: Number of frames that the runner samples from a video, and the most for which it can select scenes.
            Default: that of the model's processor.
        trust_remote_code: Whether to run the code that comes with the model.

    Returns:
        How far ONNX Runtime and PyTorch differ, on a made-up video.

    Raises:
        FileExistsError: If `output` exists and is not an empty folder.
        ValueError: If the model is not a FiLA-Video model or has a `selection_layer`, or the two differ by more than
            rounding.
    """
    trust = {"trust_remote_code": trust_remote_code}
    with loading(model_path, **trust):
        model = AutoModelForImageTextToText.from_pretrained(model_path, dtype=torch.float32, **trust).eval()
    if model.config.model_type != "fila_video":
        raise ValueError(f"{model_path} is a {model.config.model_type} model, not a fila_video model.")
    if model.config.selection_layer is not None:
        raise ValueError(
            f"{model_path} selects scenes with selection_layer={model.config.selection_layer}, but an ONNX file holds "
            "the vision tower as a whole: set selection_layer to null in its config.json, which selects other scenes."
        )
    processor = AutoProcessor.from_pretrained(model_path, **trust)
    settings = settings_of(model, processor, num_frames)
    with unfinished_folder(output) as folder:
        write_settings(folder, settings, first_centers_of(model.config, settings))
        processor.tokenizer.backend_tokenizer.save(str(folder / TOKENIZER_FILE))
        video_processor = processor.video_processor
        write_parts(folder, model, video_processor.image_mean, video_processor.image_std)
        differences = compare(OnnxVideoAnswerer(folder), model, processor)
        if not differences.logits < LARGEST_DIFFERENCE:
            raise ValueError(f"ONNX Runtime does not give the logits of PyTorch: {differences}.")
    return differences


def settings_of(model: Any, processor: Any, num_frames: int | None = None) -> Settings:
    """Returns what the runner has to know."""
    config, video_processor, generation = model.config, processor.video_processor, model.generation_config
    end = generation.eos_token_id
    return Settings(
        frame_size=(video_processor.size["height"], video_processor.size["width"]),
        num_frames=num_frames or video_processor.num_frames or config.num_frames,
        frames_per_chunk=config.frames_per_chunk,
        num_scenes=None if config.scene_merging == "none" else config.num_scenes,
        scene_size=config.scene_size,
        selection=config.scene_selection,
        supplement=config.scene_supplement,
        kmeans_init=config.kmeans_init,
        kmeans_max_iterations=config.kmeans_max_iterations,
        kmeans_tolerance=config.kmeans_tolerance,
        timestamps=processor.timestamps,
        prompt=split_prompt(processor),
        video_token=processor.video_token,
        end_token_ids=tuple(end) if isinstance(end, (list, tuple)) else (end,),
        suppressed_token_ids=(processor.image_token_id, processor.video_token_id),
        max_new_tokens=generation.max_new_tokens or MAX_NEW_TOKENS,
    )


def split_prompt(processor: Any) -> tuple[str, str, str]:
    """Returns the text of the chat template before the video, between video and question, and after the question."""
    content = [{"type": "video"}, {"type": "text", "text": QUESTION}]
    text = processor.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    )
    before, rest = text.split(processor.video_token)
    between, after = rest.split(QUESTION)
    return before, between, after


def first_centers_of(config: Any, settings: Settings) -> dict[int, np.ndarray]:
    """Draws the random numbers of the clustering for each number of frames, because NumPy would draw others."""
    if settings.selection != "kmeans" or settings.num_scenes is None:
        return {}
    return {
        count: draw_random_numbers(
            count, settings.num_scenes, init=settings.kmeans_init, seed=config.kmeans_seed
        ).numpy()
        for count in range(settings.num_scenes + 1, settings.num_frames + 1)
    }


@torch.no_grad()
def compare(answerer: OnnxVideoAnswerer, model: Any, processor: Any) -> Differences:
    """Runs both on a made-up video of at most 4 frames, each of which is a scene, and on a question about it."""
    settings = answerer.settings
    count = min(4, settings.num_scenes or 4)
    frames = np.random.default_rng(0).integers(0, 256, (count, *settings.frame_size, 3), dtype=np.uint8)
    metadata = {"fps": 1.0, "total_num_frames": count}
    before, between, after = settings.prompt
    inputs = processor(
        text=[before + settings.video_token + between + QUESTION + after],
        videos=[frames],
        video_metadata=[metadata],
        do_sample_frames=False,
        return_tensors="pt",
    )
    features = answerer.encode_frames(frames)
    pixels = inputs["pixel_values_videos"][0]
    expected_features = encode_frames(model.model.vision_tower, pixels, settings.frames_per_chunk)
    expected = model.get_video_features(inputs["pixel_values_videos"], return_dict=True).pooler_output[0].numpy()
    scenes = np.repeat(np.arange(count)[:, None], settings.scene_size, axis=1)
    tokens = answerer.scene_tokens(features[scenes])
    video = EncodedVideo(tokens, scenes, np.arange(count), np.arange(count, dtype=float), float(count))
    logits = model(**inputs, logits_to_keep=1).logits[0, -1].numpy()
    return Differences(
        features=_largest_difference(features, expected_features.numpy()),
        tokens=_largest_difference(tokens, expected),
        logits=_largest_difference(answerer.first_logits(video, QUESTION), logits),
    )


def _largest_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(ours - theirs).max())
