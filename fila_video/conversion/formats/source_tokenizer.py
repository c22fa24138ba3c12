"""Loads the tokenizer of a source and adds the placeholders that it lacks."""

from pathlib import Path

from transformers import AddedToken, AutoTokenizer, PreTrainedConfig, PreTrainedTokenizerBase

from ..errors import ConversionError
from ..tokenizer import PLACEHOLDERS
from .source_files import without_code


def load_tokenizer(folder: Path, text_config: PreTrainedConfig) -> PreTrainedTokenizerBase:
    """
    Loads a tokenizer with both placeholders and with padding on the left.

    Args:
        folder: Folder of the source.
        text_config: Configuration of the source's language model.

    Raises:
        OSError: If the folder has no tokenizer, or transformers cannot read it.
        ConversionError: If the tokenizer lacks the special tokens of Qwen2's chat format.
    """
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.json")):
        raise OSError(f"{folder} has no tokenizer: it has neither tokenizer.json nor vocab.json.")
    try:
        # With padding on the left, prompts of unequal length end at the same position, where generation continues.
        tokenizer = AutoTokenizer.from_pretrained(
            folder, config=text_config, padding_side="left", trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        raise OSError(f"transformers cannot read the tokenizer in {folder}: {error}") from error
    # The values of the source's tokenizer_config.json, which `save_pretrained` would write again.
    tokenizer.init_kwargs = without_code(tokenizer.init_kwargs)
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
