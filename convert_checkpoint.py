"""
Makes FiLA-Video checkpoints of weights that exist, or of none.

    python convert_checkpoint.py llava-hf/llava-onevision-qwen2-0.5b-ov-hf OUTPUT     transformers' LLaVA-OneVision
    python convert_checkpoint.py lmms-lab/LLaVA-Video-7B-Qwen2 OUTPUT                 their authors' code
    python convert_checkpoint.py Qwen/Qwen2-7B-Instruct OUTPUT --vision-tower google/siglip-so400m-patch14-384
    python convert_checkpoint.py FILA_VIDEO OUTPUT --scene-merging attention          another merging
    python convert_checkpoint.py FILA_VIDEO OUTPUT --to llava-onevision               the way back
    python convert_checkpoint.py scratch:tiny OUTPUT      untrained weights of 200 thousand parameters
    python convert_checkpoint.py scratch:7b OUTPUT        untrained weights of the paper's size (16 GB in bfloat16)

SOURCE is a folder or Hub id; its format is read from its config.json and the names of its tensors. docs/convert.md has
more.
"""

import argparse
import signal
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from conversion_fila import ConversionOptions, Parity, plan_conversion, write_conversion, write_scratch_checkpoint
from conversion_fila.options import TARGETS
from modeling_fila.configuration_fila import SCENE_MERGINGS, SCENE_SELECTIONS, SCENE_SUPPLEMENTS


DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
SCRATCH = "scratch:"


def convert_checkpoint(
    source: str | Path, output: str | Path, *, dry_run: bool = False, **options: Any
) -> Parity | str | None:
    """
    Writes a checkpoint to the folder `output`, which must not exist or be empty.

    Args:
        source: a folder or Hub id, or `scratch:tiny` or `scratch:7b`.
        output: the folder.
        dry_run (`bool`): nothing is written.
        options: see [`ConversionOptions`]. Untrained checkpoints take `dtype`, `seed` and `max_shard_bytes`.

    Returns:
        [`Parity`] with the source; the key map, a text, if `dry_run`; None for an untrained checkpoint.

    Raises:
        `ValueError`: if the source cannot be converted, or an option does not fit it.
        `OSError`: if a file is missing or damaged, or the folder is not empty or cannot be written.
    """
    chosen = ConversionOptions(**options)
    if str(source).startswith(SCRATCH):
        if dry_run:
            raise ValueError(f"{source} has no tensors to show: an untrained checkpoint is made, not converted.")
        _write_scratch(str(source).removeprefix(SCRATCH), output, chosen)
        return None
    conversion = plan_conversion(source, chosen)
    return conversion.key_map() if dry_run else write_conversion(conversion, output)


def _write_scratch(size: str, output: str | Path, options: ConversionOptions) -> None:
    taken = ("dtype", "seed", "max_shard_bytes")
    options.refuse("an untrained checkpoint", *(field.name for field in fields(options) if field.name not in taken))
    write_scratch_checkpoint(
        size, output, dtype=options.dtype, seed=options.seed, max_shard_bytes=options.max_shard_bytes
    )


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", metavar="SOURCE", help="a folder or Hub id, scratch:tiny or scratch:7b")
    parser.add_argument("output", metavar="OUTPUT", type=Path, help="a folder that does not exist yet")
    parser.add_argument("--dry-run", action="store_true", help="print the whole key map and write nothing")
    parser.add_argument("--to", choices=TARGETS, help="what is written (default: fila-video)")
    parser.add_argument("--base", action="store_true", help="FiLA-Base: every sampled frame is kept, nothing is merged")
    scenes = parser.add_argument_group("scenes", "default: the paper's, or those of a FiLA-Video source")
    scenes.add_argument("--num-frames", type=int, metavar="N", help="sampled from a video (96; --base: 32)")
    scenes.add_argument("--num-scenes", type=int, metavar="N", help="kept of them (32)")
    scenes.add_argument("--scene-size", type=int, metavar="N", help="frames in a scene (3)")
    scenes.add_argument("--scene-selection", choices=SCENE_SELECTIONS)
    scenes.add_argument("--scene-supplement", choices=SCENE_SUPPLEMENTS)
    scenes.add_argument("--scene-merging", choices=SCENE_MERGINGS)
    parts = parser.add_argument_group("parts", "folders or Hub ids")
    parts.add_argument("--vision-tower", metavar="ID", help="SigLIP, for a source that has no vision tower")
    parts.add_argument("--language-model", metavar="ID", help="Qwen2, for a source that is a SigLIP checkpoint")
    weights = parser.add_argument_group("weights")
    weights.add_argument("--dtype", choices=DTYPES, help="default: the source's (tiny: float32, 7b: bfloat16)")
    weights.add_argument("--seed", type=int, help="of weights that are initialised here (0)")
    weights.add_argument("--max-shard-bytes", type=int, metavar="BYTES", help="largest file of weights (5000000000)")
    weights.add_argument("--revision", help="branch, tag or commit of SOURCE on the Hub")
    weights.add_argument("--allow-pickle", action="store_true", help="read .bin files, through torch's weights_only")
    weights.add_argument("--no-parity", dest="parity", action="store_false", help="do not compare logits at the end")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = {name: value for name, value in vars(parse_arguments(arguments)).items() if value is not None}
    if "dtype" in options:
        options["dtype"] = DTYPES[options["dtype"]]
    try:
        result = convert_checkpoint(**options)
    except (OSError, ValueError) as error:
        print(f"convert_checkpoint: {error}", file=sys.stderr)
        return 1
    if result is not None:
        print(result)
    if not options["dry_run"]:
        print(f"Wrote {options['output']}")
    return 0


if __name__ == "__main__":
    # A kill, like Ctrl-C, removes what was begun.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    sys.exit(main())
