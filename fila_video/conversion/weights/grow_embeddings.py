"""Gives every token of a tokenizer a row of the embeddings and of the head."""

import math

from transformers import PreTrainedTokenizerBase

from configuration_fila import FilaVideoConfig

from ..tokenizer import PLACEHOLDERS, token_ids
from .weight import GrownWeight
from .weight_plan import EMBEDDINGS, HEAD, WeightPlan


# transformers grows embeddings to a multiple of this number of rows, which suits GPUs.
ROW_MULTIPLE = 64


def grow_embeddings(config: FilaVideoConfig, plan: WeightPlan, tokenizer: PreTrainedTokenizerBase) -> None:
    """
    Sets the token ids in a configuration, and grows embeddings and head if they have fewer rows than there are tokens.

    Args:
        config: Configuration of the new model. Its token ids and its vocabulary size are set.
        plan: Weights of the new model. Its embeddings and head may be replaced.
        tokenizer: Tokenizer of the new model, with both placeholders.

    Raises:
        ValueError: If an id is so large that rows without a token would fill the embeddings.
    """
    config.image_token_id, config.video_token_id = token_ids(tokenizer, PLACEHOLDERS)
    config.text_config.eos_token_id = tokenizer.eos_token_id
    config.text_config.pad_token_id = tokenizer.pad_token_id
    if EMBEDDINGS not in plan.weights:
        return  # `WeightPlan.check` reports this later.
    num_rows = plan.weights[EMBEDDINGS].shape[0]
    ids = tokenizer.get_vocab().values()
    num_tokens = max(ids) + 1
    if num_tokens <= num_rows:
        config.text_config.vocab_size = num_rows
        return
    num_new = sum(token_id >= num_rows for token_id in ids)
    if num_tokens > num_rows + num_new + ROW_MULTIPLE:
        raise ValueError(
            f"The tokenizer has a token with the id {num_tokens - 1}, but the embeddings have {num_rows} rows, and "
            f"only {num_new} tokens have larger ids."
        )
    grown_rows = config.text_config.vocab_size = math.ceil(num_tokens / ROW_MULTIPLE) * ROW_MULTIPLE
    for name in (EMBEDDINGS, HEAD):
        weight = plan.weights.get(name)
        # A head with another number of rows has the wrong shape in any case. `WeightPlan.check` reports it later.
        if weight is not None and weight.shape[0] == num_rows:
            plan.weights[name] = GrownWeight(weight, grown_rows)
