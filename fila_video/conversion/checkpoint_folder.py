"""Writes the folder of a checkpoint: everything but the weights. The folder gets its name when it is complete."""

import glob
import os
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
from .tokenizer import token_ids


try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


MAX_NEW_TOKENS = 512


@contextmanager
def unfinished_folder(output: str | Path) -> Iterator[Path]:
    """
    Gives a temporary folder to write into, which is renamed to `output` at the end. If anything fails, it is removed.

    A process that is killed with SIGKILL cannot remove its folder. The next call for the same `output` does.

    Args:
        output: Folder that does not exist yet, or that is empty.

    Raises:
        FileExistsError: If `output` exists and is not an empty folder.
    """
    output = Path(output)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise FileExistsError(f"{output} already exists and is not an empty folder.")
    output.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{output.name}-unfinished-"
    for left in output.parent.glob(f"{glob.escape(prefix)}*"):
        _remove_if_abandoned(left)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=output.parent))
    lock = _lock(folder)
    try:
        yield folder
        _make_readable(folder)
        if output.is_dir():
            output.rmdir()
        folder.rename(output)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        if lock is not None:
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """Locks a folder. The system releases the lock if the process dies. Returns None if it is locked already."""
    if fcntl is None:
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _remove_if_abandoned(folder: Path) -> None:
    lock = _lock(folder)
    if lock is not None:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _make_readable(folder: Path) -> None:
    """Lets everybody read a folder. `mkdtemp` and safetensors let only the owner read what they create."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def save_config_and_processor(folder: Path, config: FilaVideoConfig, tokenizer: PreTrainedTokenizerBase) -> None:
    """
    Writes everything but the weights: configuration, generation config, processor, tokenizer, chat template and code.
    """
    config.architectures = ["FilaVideoForConditionalGeneration"]
    config.save_pretrained(folder)
    # The model's own `save_pretrained` would need the weights in memory.
    custom_object_save(_ModelCode(), folder)
    generation_config(config, tokenizer).save_pretrained(folder)
    build_processor(config, tokenizer).save_pretrained(folder)


def generation_config(config: FilaVideoConfig, tokenizer: PreTrainedTokenizerBase) -> GenerationConfig:
    """Decodes greedily up to a limit, stops at the end of a turn, and never generates a placeholder."""
    return GenerationConfig(
        do_sample=False,
        max_new_tokens=MAX_NEW_TOKENS,
        eos_token_id=sorted({tokenizer.eos_token_id, *token_ids(tokenizer, ("<|im_end|>", "<|endoftext|>"))}),
        pad_token_id=tokenizer.pad_token_id,
        suppress_tokens=[config.image_token_id, config.video_token_id],
    )


class _ModelCode:
    """Stands in for a model. `custom_object_save` copies the module that defines an object, and all its imports."""

    __module__ = modeling.__name__
