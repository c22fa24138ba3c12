"""python -m fila_video.hub publish FOLDER OWNER/NAME: publishes a model or the web page on the Hugging Face Hub."""

import argparse
import sys
from collections.abc import Sequence

from . import publish


PROGRAM = "python -m fila_video.hub"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status: 1 if something is wrong with the data."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments[:1] == ["publish"]:
        return publish.main(arguments[1:])
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    parser.add_argument("command", choices=["publish"], help="publish a model, or the web page as a Space")
    parser.parse_args(arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
