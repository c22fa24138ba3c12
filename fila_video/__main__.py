"""python -m fila_video: the command `fila-video`."""

import sys

from fila_video.cli.main import main


if __name__ == "__main__":
    sys.exit(main())
