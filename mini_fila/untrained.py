"""The mini's architecture, tokenizer and untrained checkpoint: every class is that of a large FiLA-Video."""

import math
from pathlib import Path

import torch
from transformers import AddedToken, PreTrainedTokenizerBase, Qwen2Tokenizer

from configuration_fila import FilaVideoConfig
from conversion_fila.checkpoint_folder import save_beside_weights, unfinished_folder
from conversion_fila.tokenizer import SPECIAL_TOKENS
from evaluation_fila.drawing import SIDE
from evaluation_fila.splits import draw_sample
from modeling_fila import FilaVideoForConditionalGeneration
from processing_fila import FilaVideoProcessor


VOCABULARY = 512
CORPUS_VIDEOS = 400
# Of 16 seconds a scene every half: of videos like those it is asked about, k-means++ then leaves a time within the
# tolerance of 99 in 100 beginnings, and of 95 with 24 scenes.
NUM_FRAMES, NUM_SCENES, SCENE_SIZE = 48, 32, 3
SENTENCE = (
    "You are a helpful assistant. user system assistant This video samples frames of a -second video. <3.2 seconds>"
)
# A time is two tokens, "12" and ".4", in prompts and in answers, and " seconds>" is one: a scene takes five tokens of
# the prompt, digits eight.
WHOLE_NUMBERS = tuple(str(number) for number in range(10, 100))
TENTHS = tuple(f".{digit}" for digit in range(10))
AFTER_TIME = " seconds>"
PERIODS = (0.6, 256.0)  # seconds, of the waves that numbers start as
# From a scene's visual token so many tokens back lie its whole seconds ("5" of "<5.3 seconds>"), and the scene before.
LOOK_BACK = (3, 5)
LOOK_BACK_WAVES, LOOK_BACK_SIZE = 10, 6.0  # the shortest waves of a head; such a head sees hardly anything else
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
        _order_numbers(model, tokenizer)
        _look_back(model)
        if tower is not None:
            model.model.vision_tower.load_state_dict(tower)
        save_beside_weights(folder, config, tokenizer)
        model.save_pretrained(folder)
        processor = FilaVideoProcessor.from_pretrained(folder)
        processor.timestamps = "interleaved"
        processor.save_pretrained(folder)


def mini_config(tokenizer: PreTrainedTokenizerBase) -> FilaVideoConfig:
    """48 frames of 4 x 4 patches, 32 scenes of 3, one visual token for each scene."""
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
    """
    Qwen2's kind, trained on what is asked and answered about the videos of training, with tokens for numbers; the same
    on every call.
    """
    samples = [draw_sample("train", number, num_questions=14) for number in range(CORPUS_VIDEOS)]
    corpus = [text for _, asked in samples for question in asked for text in (question.text, question.answer)]
    untrained = Qwen2Tokenizer(eos_token="<|im_end|>", padding_side="left", model_max_length=4096)
    tokenizer = untrained.train_new_from_iterator(
        [*corpus, *[SENTENCE] * CORPUS_VIDEOS],
        vocab_size=VOCABULARY,
        new_special_tokens=list(SPECIAL_TOKENS),
        show_progress=False,
    )
    # Whole words only: "2012" stays four digits.
    tokenizer.add_tokens([AddedToken(text, single_word=True, normalized=False) for text in WHOLE_NUMBERS])
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in (*TENTHS, AFTER_TIME)])
    return tokenizer


def _order_numbers(model: FilaVideoForConditionalGeneration, tokenizer: PreTrainedTokenizerBase) -> None:
    """
    Starts the embeddings of whole numbers as waves of their value, so that near numbers are near from the first step.
    The other half of each stays as it was drawn.
    """
    embeddings = model.get_input_embeddings().weight.detach()  # (V, D)
    numbers = [*map(str, range(10)), *WHOLE_NUMBERS]
    rows = torch.tensor([tokenizer.encode(text, add_special_tokens=False) for text in numbers]).squeeze(1)
    values = torch.tensor([float(text) for text in numbers])
    num_waves = embeddings.shape[1] // 4
    shortest, longest = PERIODS
    periods = shortest * (longest / shortest) ** torch.linspace(0, 1, num_waves)
    angles = 2 * math.pi * values[:, None] / periods  # (numbers, waves)
    waves = torch.cat([angles.sin(), angles.cos()], dim=1) * embeddings.std() * math.sqrt(2)
    embeddings[rows, : 2 * num_waves] = waves


def _look_back(model: FilaVideoForConditionalGeneration) -> None:
    """
    Starts a head of the first layer for each of `LOOK_BACK`, that attends to the token so far back, whatever it is. A
    language model has learnt such heads from its texts; without them, look-ups in time are learnt later (docs/log.md).

    Rotary embeddings turn queries and keys by their place: biases alone, of which the query's is turned ahead by the
    distance, agree best at that distance.
    """
    language_model = model.model.language_model
    attention, frequencies = language_model.layers[0].self_attn, language_model.rotary_emb.inv_freq  # (head_dim / 2,)
    size = torch.zeros_like(frequencies)
    size[:LOOK_BACK_WAVES] = LOOK_BACK_SIZE
    for head, distance in enumerate(LOOK_BACK):
        rows = slice(head * attention.head_dim, (head + 1) * attention.head_dim)
        angles = frequencies * distance
        attention.k_proj.bias.detach()[rows] = torch.cat([size, torch.zeros_like(size)])
        attention.q_proj.bias.detach()[rows] = torch.cat([size * angles.cos(), -size * angles.sin()])
        for projection in (attention.q_proj, attention.k_proj):
            projection.weight.detach()[rows] *= 0.1  # what the tokens are hardly counts
