"""
Makes FiLA-Video checkpoints.

    python convert_checkpoint.py scratch:tiny OUTPUT      untrained weights of a few thousand parameters
    python convert_checkpoint.py scratch:7b OUTPUT        untrained weights of the paper's size (16 GB in bfloat16)
"""

import argparse
import sys
from pathlib import Path

import torch

from conversion_fila import write_scratch_checkpoint


DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
SCRATCH = "scratch:"


def convert_checkpoint(source: str, output: str | Path, *, dtype: torch.dtype | None = None) -> None:
    """
    Writes a FiLA-Video checkpoint to the folder `output`, which must not exist or be empty.

    Args:
        source (`str`): `scratch:tiny` or `scratch:7b`.
        output: the folder.
        dtype (`torch.dtype`, *optional*): of the weights. Default: float32 for tiny, bfloat16 for 7b.

    Raises:
        `ValueError`: if the source is of no known kind. `OSError`: if the folder is not empty or cannot be written.
    """
    if not source.startswith(SCRATCH):
        raise ValueError(f"SOURCE {source!r} is not known: it is scratch:tiny or scratch:7b.")
    write_scratch_checkpoint(source.removeprefix(SCRATCH), output, dtype=dtype)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", metavar="SOURCE", help="scratch:tiny or scratch:7b")
    parser.add_argument("output", metavar="OUTPUT", type=Path, help="a folder that does not exist yet")
    parser.add_argument("--dtype", choices=DTYPES, help="of the weights (default: float32 for tiny, bfloat16 for 7b)")
    options = parser.parse_args(arguments)
    try:
        convert_checkpoint(options.source, options.output, dtype=DTYPES.get(options.dtype))
    except (OSError, ValueError) as error:
        print(f"convert_checkpoint: {error}", file=sys.stderr)
        return 1
    print(f"Wrote {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
