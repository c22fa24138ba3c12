"""A checkpoint's folder: everything in it beside the weights, and its name only once it is whole."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from transformers import GenerationConfig, PreTrainedTokenizerBase
from transformers.dynamic_module_utils import custom_object_save

import modeling_fila.modeling_fila_video as modeling
from configuration_fila import FilaVideoConfig

from .processor import build_processor


MAX_NEW_TOKENS = 512


@contextmanager
def unfinished_folder(output: str | Path) -> Iterator[Path]:
    """
    A folder to write into, beside `output` and renamed to it at the end. If anything goes wrong, it is removed.

    Raises:
        `FileExistsError`: if `output` exists and is not an empty folder.
    """
    output = Path(output)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise FileExistsError(f"{output} exists already and is not an empty folder.")
    output.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{output.name}-unfinished-", dir=output.parent))
    try:
        yield folder
        _make_readable(folder)
        if output.is_dir():
            output.rmdir()
        folder.rename(output)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _make_readable(folder: Path) -> None:
    """`mkdtemp` and safetensors make what only its owner may read; a checkpoint is for others too."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def save_beside_weights(folder: Path, config: FilaVideoConfig, tokenizer: PreTrainedTokenizerBase) -> None:
    """Writes configuration, generation config, processor with tokenizer and chat template, and the code of them all."""
    config.architectures = ["FilaVideoForConditionalGeneration"]
    config.save_pretrained(folder)
    # The model's own `save_pretrained` would need its weights in memory.
    custom_object_save(_ModelCode(), folder)
    generation_config(config, tokenizer).save_pretrained(folder)
    build_processor(config, tokenizer).save_pretrained(folder)


def generation_config(config: FilaVideoConfig, tokenizer: PreTrainedTokenizerBase) -> GenerationConfig:
    """Greedy, finite, ending where a turn ends, and never writing a placeholder."""
    return GenerationConfig(
        do_sample=False,
        max_new_tokens=MAX_NEW_TOKENS,
        eos_token_id=sorted(
            {tokenizer.eos_token_id, *tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])}
        ),
        pad_token_id=tokenizer.pad_token_id,
        suppress_tokens=[config.image_token_id, config.video_token_id],
    )


class _ModelCode:
    """What `custom_object_save` asks of an object: the module that defines it, with all that this module imports."""

    __module__ = modeling.__name__
