"""Making FiLA-Video checkpoints: the parts behind `convert_checkpoint.py`."""

from .processor import build_processor
from .scratch import write_scratch_checkpoint
from .tokenizer import train_tokenizer


__all__ = ["build_processor", "train_tokenizer", "write_scratch_checkpoint"]
