"""Makes FiLA-Video checkpoints. The command line is `convert_checkpoint.py`.

A name is loaded when it is first used, so that `--help` and errors in arguments appear at once.
"""

from importlib import import_module
from typing import Any


# Where each public name is defined.
_FILES = {
    "Conversion": "convert",
    "ConversionError": "errors",
    "ConversionOptions": "options",
    "Parity": "parity",
    "build_processor": "processor",
    "plan_conversion": "convert",
    "train_tokenizer": "tokenizer",
    "write_conversion": "convert",
    "write_scratch_checkpoint": "scratch",
}

__all__ = list(_FILES)


def __getattr__(name: str) -> Any:
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_FILES[name]}"), name)
