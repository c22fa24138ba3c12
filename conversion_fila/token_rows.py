"""Tokenizer and embeddings: both placeholders are one token each, and every token has a row."""

import math
from pathlib import Path

from transformers import AddedToken, AutoTokenizer, PreTrainedConfig, PreTrainedTokenizerBase

from configuration_fila import FilaVideoConfig

from .errors import ConversionError
from .weight_plan import EMBEDDINGS, HEAD, WeightPlan
from .weights import GrownWeight


PLACEHOLDERS = ("<image>", "<video>")
# transformers grows embeddings to a multiple of this many rows, for the hardware.
ROW_MULTIPLE = 64


def load_tokenizer(folder: Path, text_config: PreTrainedConfig) -> PreTrainedTokenizerBase:
    """
    The tokenizer of a source, with both placeholders, padding on the left.

    Raises:
        `OSError`: if there is none. [`ConversionError`]: if it does not know the tokens of Qwen2's turns.
    """
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.json")):
        raise OSError(f"{folder} has no tokenizer: neither tokenizer.json nor vocab.json.")
    try:
        # Padding on the left: prompts of unequal length end together, where generation goes on.
        tokenizer = AutoTokenizer.from_pretrained(folder, config=text_config, padding_side="left")
    except (OSError, ValueError) as error:
        raise OSError(f"{folder} has a tokenizer that transformers cannot read: {error}") from error
    known = tokenizer.get_vocab()
    lacking = [token for token in ("<|im_start|>", "<|im_end|>", "<|endoftext|>") if token not in known]
    if lacking:
        raise ConversionError(f"The tokenizer in {folder} does not know {', '.join(lacking)}: it is not Qwen2's.")
    new = [AddedToken(token, special=True, normalized=False) for token in PLACEHOLDERS if token not in known]
    tokenizer.add_tokens(new, special_tokens=True)
    tokenizer.eos_token = "<|im_end|>"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = "<|endoftext|>"
    return tokenizer


def give_every_token_a_row(config: FilaVideoConfig, plan: WeightPlan, tokenizer: PreTrainedTokenizerBase) -> None:
    """
    Sets the placeholders' ids, and grows embeddings and head if the tokenizer has more tokens than they have rows.
    """
    config.image_token_id, config.video_token_id = tokenizer.convert_tokens_to_ids(list(PLACEHOLDERS))
    config.text_config.eos_token_id = tokenizer.eos_token_id
    config.text_config.pad_token_id = tokenizer.pad_token_id
    if EMBEDDINGS not in plan.weights:  # the check that follows names it
        return
    num_rows = plan.weights[EMBEDDINGS].shape[0]
    num_tokens = max(tokenizer.get_vocab().values()) + 1
    if num_tokens <= num_rows:
        config.text_config.vocab_size = num_rows
        return
    grown_rows = config.text_config.vocab_size = math.ceil(num_tokens / ROW_MULTIPLE) * ROW_MULTIPLE
    for name in (EMBEDDINGS, HEAD):
        weight = plan.weights.get(name)
        if weight is not None and weight.shape[0] == num_rows:  # a head of another size does not fit, grown or not
            plan.weights[name] = GrownWeight(weight, grown_rows)
