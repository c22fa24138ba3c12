"""
python checkpoints/ship.py: puts a trained small model into checkpoints/, with links to its code.
python checkpoints/ship.py --copy-code: puts the code itself in place of the links.

A checkpoint carries copies of the code that it runs with. In this repository they are links to
the sources, so that they are never out of date. An upload of the folder follows the links and
uploads files. Where there are no symbolic links (on Windows, in a zip archive, in a copy of the
folder), `--copy-code` makes the folder complete.
"""

import argparse
import filecmp
import os
import shutil
import sys
from pathlib import Path


REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from fila_video.common.command_line import run_reporting_errors  # noqa: E402


SOURCES = ("modeling_fila", "processing_fila")
TRAINED = Path("outputs/mini/fila-video-mini")
SHIPPED = REPOSITORY / "checkpoints" / "fila-video-mini"


def ship(trained: Path, output: Path) -> None:
    """
    Copies a checkpoint, with links in place of its code.

    Args:
        trained: Folder that `python -m fila_video.mini` wrote.
        output: Folder of this repository. A checkpoint in it is replaced.

    Raises:
        ValueError: If the checkpoint's code differs from that of this repository, or if `output` is not a checkpoint.
        OSError: If a folder cannot be read or written.
    """
    links = {path.name: _source_of(path) for path in sorted(trained.glob("*.py"))}
    if output.exists() and (trained.samefile(output) or not (output / "config.json").is_file()):
        raise ValueError(f"{output} is not a different checkpoint, so it is left unchanged.")
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


def copy_code(output: Path) -> None:
    """
    Puts the code of this repository in place of the links of a checkpoint, or of files that stand where links were.

    Args:
        output: Folder of the checkpoint.

    Raises:
        ValueError: If a file is not one of this repository.
        OSError: If a folder cannot be read or written.
    """
    sources = {path: _find_source(path) for path in sorted(output.glob("*.py"))}
    if not sources:
        raise ValueError(f"{output} holds no code of a checkpoint.")
    for path, source in sources.items():
        path.unlink()  # a link would be followed
        shutil.copyfile(source, path)


def _source_of(path: Path) -> Path:
    """The file of this repository of which a checkpoint's file is a copy."""
    source = _find_source(path)
    if not filecmp.cmp(source, path, shallow=False):
        raise ValueError(f"{path} differs from {source.relative_to(REPOSITORY)}: save the checkpoint again.")
    return source


def _find_source(path: Path) -> Path:
    """The file of this repository that has the name of a checkpoint's file."""
    for folder in SOURCES:
        source = REPOSITORY / folder / path.name
        if source.is_file():
            return source
    raise ValueError(f"{path} is not a file of {' or '.join(SOURCES)}.")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python checkpoints/ship.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "trained", type=Path, nargs="?", default=TRAINED, help=f"folder of the trained model (default: {TRAINED})"
    )
    parser.add_argument(
        "output", type=Path, nargs="?", default=SHIPPED, help="folder to write (default: checkpoints/fila-video-mini)"
    )
    parser.add_argument(
        "--copy-code",
        metavar="FOLDER",
        nargs="?",
        type=Path,
        const=SHIPPED,
        help="put the code in place of the links of this folder, and do nothing else (default: "
        "checkpoints/fila-video-mini)",
    )
    options = parser.parse_args()
    if options.copy_code is not None:
        return run_reporting_errors(parser.prog, lambda: copy_code(options.copy_code))
    return run_reporting_errors(parser.prog, lambda: ship(options.trained, options.output))


if __name__ == "__main__":
    sys.exit(main())
