"""
Converts checkpoints of other models to FiLA-Video, or writes untrained ones.

    python convert_checkpoint.py SOURCE OUTPUT

SOURCE is a folder or a Hub id:

    llava-hf/llava-onevision-qwen2-0.5b-ov-hf  transformers' LLaVA-OneVision
    lmms-lab/LLaVA-Video-7B-Qwen2              format of the LLaVA-NeXT code
    Qwen/Qwen2-7B-Instruct                     and --vision-tower with a SigLIP
    a FiLA-Video checkpoint                    for another --scene-merging, or
                                               with --to llava-onevision
    scratch:tiny                               untrained, with 200 thousand
                                               parameters
    scratch:7b                                 untrained, of the paper's size
                                               (16 GB in bfloat16)

The format is detected from config.json and the names of the tensors. See
docs/convert.md for details.
"""

from __future__ import annotations

import argparse
import signal
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fila_video import conversion
from fila_video.common.command_line import run_reporting_errors
from fila_video.conversion.errors import ConversionError
from fila_video.conversion.output_names import OUTPUT_NAMES
from modeling_fila.modeling_choices import SCENE_MERGINGS, SCENE_SELECTIONS, SCENE_SUPPLEMENTS


if TYPE_CHECKING:
    from fila_video.conversion.options import ConversionOptions
    from fila_video.conversion.parity import Parity


PROGRAM = "convert_checkpoint"
DTYPES = ("float32", "bfloat16", "float16")
SCRATCH = "scratch:"


def convert_checkpoint(
    source: str | Path, output: str | Path, *, dry_run: bool = False, **options: Any
) -> Parity | str | None:
    """
    Writes a FiLA-Video checkpoint.

    Args:
        source: Folder or Hub id of a checkpoint, or `scratch:tiny` or `scratch:7b`.
        output: Folder that does not exist yet, or that is empty.
        dry_run: Whether to return the key map and write nothing.
        options: Fields of `ConversionOptions`. Untrained checkpoints take `dtype`, `seed` and `max_shard_bytes`.

    Returns:
        The comparison with the source; with `dry_run`, the key map as text; for an untrained checkpoint, None.

    Raises:
        ValueError: If the source cannot be converted, or if an option does not fit it.
        OSError: If a file is missing or damaged, or if the folder is not empty or cannot be written.
    """
    chosen = conversion.ConversionOptions(**options)
    if str(source).startswith(SCRATCH):
        if dry_run:
            raise ValueError(f"{source} is not converted from another checkpoint, so a dry run has nothing to show.")
        _write_scratch(str(source).removeprefix(SCRATCH), output, chosen)
        return None
    plan = conversion.plan_conversion(source, chosen)
    return plan.key_map() if dry_run else conversion.write_conversion(plan, output)


def _write_scratch(size: str, output: str | Path, options: ConversionOptions) -> None:
    taken = ("dtype", "seed", "max_shard_bytes")
    options.refuse("an untrained checkpoint", *(field.name for field in fields(options) if field.name not in taken))
    conversion.write_scratch_checkpoint(
        size, output, dtype=options.dtype, seed=options.seed, max_shard_bytes=options.max_shard_bytes
    )


def parse_arguments(arguments: list[str] | None, program: str = PROGRAM) -> argparse.Namespace:
    """Parses the arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog=program,
        usage="%(prog)s SOURCE OUTPUT [options]",
        description=_description(program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "source", metavar="SOURCE", help="folder or Hub id of the checkpoint to convert, or scratch:tiny or scratch:7b"
    )
    parser.add_argument(
        "output", metavar="OUTPUT", type=Path, help="folder to write, which does not exist yet or is empty"
    )
    parser.add_argument("--dry-run", action="store_true", help="print where every tensor goes, and write nothing")
    parser.add_argument("--to", choices=OUTPUT_NAMES, help="format to write (default: fila-video)")
    parser.add_argument("--base", action="store_true", help="make FiLA-Base, which keeps every frame and merges none")
    _add_scene_options(parser.add_argument_group("scenes", "default: as in the paper, or as in a FiLA-Video source"))
    parts = parser.add_argument_group("second checkpoint", "for a source that lacks one of the two parts")
    parts.add_argument("--vision-tower", metavar="ID", help="folder or Hub id of a SigLIP checkpoint")
    parts.add_argument("--language-model", metavar="ID", help="folder or Hub id of a Qwen2 checkpoint")
    _add_weight_options(parser.add_argument_group("weights"))
    return parser.parse_args(arguments)


def _description(program: str) -> str:
    """The help of this file, with the name by which the program was started."""
    text = __doc__ or ""
    return text if program == PROGRAM else text.replace("python convert_checkpoint.py", program)


def _add_scene_options(scenes: Any) -> None:
    scenes.add_argument(
        "--num-frames", type=int, metavar="N", help="number of frames to sample from a video (96; with --base: 32)"
    )
    scenes.add_argument("--num-scenes", type=int, metavar="N", help="number of scenes to select (32)")
    scenes.add_argument("--scene-size", type=int, metavar="N", help="number of frames in a scene (3)")
    scenes.add_argument("--scene-selection", choices=SCENE_SELECTIONS, help="how scenes are selected (kmeans)")
    scenes.add_argument(
        "--scene-supplement", choices=SCENE_SUPPLEMENTS, help="which frames join the main frame of a scene (similar)"
    )
    scenes.add_argument(
        "--scene-merging", choices=SCENE_MERGINGS, help="how the frames of a scene are merged (weighted)"
    )
    scenes.add_argument(
        "--selection-layer",
        type=int,
        metavar="N",
        help="number of layers of the vision tower after which scenes are selected (all)",
    )


def _add_weight_options(weights: Any) -> None:
    weights.add_argument(
        "--dtype", choices=DTYPES, help="dtype of the weights (default: as in SOURCE; tiny: float32; 7b: bfloat16)"
    )
    weights.add_argument("--seed", type=int, help="random seed of weights that get initial values (0)")
    weights.add_argument(
        "--max-shard-bytes",
        type=int,
        metavar="BYTES",
        help="largest size of a file of weights; one such file is held in memory (2000000000)",
    )
    weights.add_argument("--revision", help="branch, tag or commit of SOURCE on the Hub")
    weights.add_argument(
        "--allow-pickle", action="store_true", help="allow .bin files, which are read with torch's weights_only"
    )
    weights.add_argument(
        "--no-parity", dest="parity", action="store_false", help="do not compare logits with SOURCE at the end"
    )


def main(arguments: list[str] | None = None, program: str = PROGRAM) -> int:
    """Runs the command line and returns its exit status."""
    options = {name: value for name, value in vars(parse_arguments(arguments, program)).items() if value is not None}
    return run_reporting_errors(program, lambda: _convert_and_report(options))


def _convert_and_report(options: dict[str, Any]) -> None:
    if "dtype" in options:
        import torch  # takes seconds, which --help does not need

        options["dtype"] = getattr(torch, options["dtype"])
    try:
        result = convert_checkpoint(**options)
    except ConversionError as error:
        # Errors are reported in one line. A list of tensors is easier to read above it, with one tensor per line.
        if error.details:
            print(error.details, file=sys.stderr)
        raise ConversionError(error.summary) from error
    if result is not None:
        print(result)
    if not options["dry_run"]:
        print(f"Wrote {options['output']}")


if __name__ == "__main__":
    # A kill removes what has been written, like Ctrl-C.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    sys.exit(main())
