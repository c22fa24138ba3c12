"""
python -m mini_fila.ship: puts a trained mini into checkpoints/, with links in the place of its code.

A checkpoint carries copies of the code it runs with. In this repository these are links to the sources, so that no copy
is ever older; whoever uploads the folder uploads files.
"""

import argparse
import filecmp
import os
import shutil
import sys
from pathlib import Path


REPOSITORY = Path(__file__).resolve().parent.parent
SOURCES = ("modeling_fila", "processing_fila")


def ship(trained: Path, output: Path) -> None:
    """
    Args:
        trained: a folder that `publish` wrote.
        output: a folder of this repository; a checkpoint that it holds is replaced.

    Raises:
        ValueError: code of the checkpoint is not that of this repository, or `output` holds something else.
        OSError: a folder cannot be read or written.
    """
    links = {path.name: _source_of(path) for path in sorted(trained.glob("*.py"))}
    if output.exists() and (trained.samefile(output) or not (output / "config.json").is_file()):
        raise ValueError(f"{output} holds something else than another checkpoint: it stays as it is.")
    unfinished = output.with_name(f"{output.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for path in sorted(trained.iterdir()):
        if path.name in links:
            (unfinished / path.name).symlink_to(os.path.relpath(links[path.name], unfinished.resolve()))
        elif path.is_file():
            shutil.copy(path, unfinished)
    if output.exists():
        shutil.rmtree(output)
    unfinished.rename(output)


def _source_of(path: Path) -> Path:
    """The file of this repository that a checkpoint's file is a copy of."""
    for folder in SOURCES:
        source = REPOSITORY / folder / path.name
        if source.is_file():
            if not filecmp.cmp(source, path, shallow=False):
                raise ValueError(f"{path} is not what {source.relative_to(REPOSITORY)} is: save the checkpoint again.")
            return source
    raise ValueError(f"{path} is no file of {' or '.join(SOURCES)}.")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m mini_fila.ship", description=__doc__)
    parser.add_argument("trained", type=Path, nargs="?", default=Path("outputs/mini/fila-video-mini"))
    parser.add_argument("output", type=Path, nargs="?", default=REPOSITORY / "checkpoints" / "fila-video-mini")
    options = parser.parse_args()
    try:
        ship(options.trained, options.output)
    except (ValueError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
