"""The mini's architecture, tokenizer and untrained checkpoint: every class is that of a large FiLA-Video."""

import math
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase, Qwen2Tokenizer

from configuration_fila import FilaVideoConfig
from conversion_fila.checkpoint_folder import save_beside_weights, unfinished_folder
from conversion_fila.tokenizer import SPECIAL_TOKENS
from evaluation_fila.drawing import SIDE
from evaluation_fila.splits import draw_sample
from modeling_fila import FilaVideoForConditionalGeneration
from processing_fila import FilaVideoProcessor


VOCABULARY = 512
CORPUS_VIDEOS = 400
NUM_FRAMES, NUM_SCENES, SCENE_SIZE = 48, 16, 3  # the paper's proportions, halved
SENTENCE = (
    "You are a helpful assistant. user system assistant This video samples frames of a -second video. <03.2 seconds>"
)
VISION = {
    "model_type": "siglip_vision_model",
    "hidden_size": 128,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "image_size": SIDE,
    "patch_size": 16,
    "vision_use_head": False,
}
TEXT = {
    "model_type": "qwen2",
    "hidden_size": 192,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": 4096,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    # Near 1 / sqrt(width). With 0.02, made for large models, look-ups are learnt several times later (docs/log.md).
    "initializer_range": 0.06,
}


def write_untrained(output: Path, *, seed: int, tower: dict[str, torch.Tensor] | None = None) -> None:
    """
    Writes the checkpoint that the stages start from.

    Args:
        output: a folder that does not exist yet.
        seed: of the weights.
        tower: weights of the vision tower, by their names within it. Default: untrained too.

    Raises:
        `FileExistsError`: if the folder holds something.
    """
    tokenizer = mini_tokenizer()
    config = mini_config(tokenizer)
    with torch.random.fork_rng(devices=[]), unfinished_folder(output) as folder:
        torch.manual_seed(seed)
        model = FilaVideoForConditionalGeneration(config)
        if tower is not None:
            model.model.vision_tower.load_state_dict(tower)
        save_beside_weights(folder, config, tokenizer)
        model.save_pretrained(folder)
        processor = FilaVideoProcessor.from_pretrained(folder)
        processor.timestamps = "interleaved"
        processor.save_pretrained(folder)


def mini_config(tokenizer: PreTrainedTokenizerBase) -> FilaVideoConfig:
    """48 frames of 4 x 4 patches, 16 scenes of 3, one visual token for each scene."""
    image_id, video_id = tokenizer.convert_tokens_to_ids(["<image>", "<video>"])
    tokens = {
        "vocab_size": math.ceil(len(tokenizer) / 64) * 64,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    return FilaVideoConfig(
        vision_config=VISION,
        text_config={**TEXT, **tokens},
        image_token_id=image_id,
        video_token_id=video_id,
        num_frames=NUM_FRAMES,
        num_scenes=NUM_SCENES,
        scene_size=SCENE_SIZE,
        kmeans_init="kmeans++",
        spatial_pool_mode="average",
        spatial_pool_stride=SIDE // VISION["patch_size"],
        newline_position="no_token",
        image_grid_pinpoints=[[SIDE, SIDE]],
        tie_word_embeddings=True,
    )


def mini_tokenizer() -> Qwen2Tokenizer:
    """Qwen2's kind, trained on what is asked and answered about the videos of training; the same on every call."""
    samples = [draw_sample("train", number, num_questions=14) for number in range(CORPUS_VIDEOS)]
    corpus = [text for _, asked in samples for question in asked for text in (question.text, question.answer)]
    untrained = Qwen2Tokenizer(eos_token="<|im_end|>", padding_side="left", model_max_length=4096)
    return untrained.train_new_from_iterator(
        [*corpus, *[SENTENCE] * CORPUS_VIDEOS],
        vocab_size=VOCABULARY,
        new_special_tokens=list(SPECIAL_TOKENS),
        show_progress=False,
    )
