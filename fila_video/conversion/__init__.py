"""Makes FiLA-Video checkpoints. The command line is `convert_checkpoint.py`."""

from .convert import Conversion, plan_conversion, write_conversion
from .errors import ConversionError
from .options import ConversionOptions
from .parity import Parity
from .processor import build_processor
from .scratch import write_scratch_checkpoint
from .tokenizer import train_tokenizer


__all__ = [
    "Conversion",
    "ConversionError",
    "ConversionOptions",
    "Parity",
    "build_processor",
    "plan_conversion",
    "train_tokenizer",
    "write_conversion",
    "write_scratch_checkpoint",
]
