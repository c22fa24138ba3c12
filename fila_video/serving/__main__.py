"""python -m fila_video.serving MODEL: an OpenAI-compatible server, for machines without vLLM."""

import argparse
import sys
from collections.abc import Sequence

from fila_video.common.command_line import HelpFormatter, run_reporting_errors

from .server_options import add_server_options


PROGRAM = "python -m fila_video.serving"
DESCRIPTION = "Start an OpenAI-compatible server, for machines without vLLM."


def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """Serves until interrupted, and returns the exit status: 1 if the model cannot be served."""
    options = _parser(program).parse_args(arguments)
    return run_reporting_errors(program, lambda: _serve(options))


def _serve(options: argparse.Namespace) -> None:
    from .run_server import run_server  # loads transformers, which `--help` does without

    run_server(
        options.model,
        host=options.host,
        port=options.port,
        num_frames=options.num_frames,
        allow_private_addresses=options.allow_private_addresses,
        dtype=options.dtype,
        device=options.device,
        trust_remote_code=options.trust_remote_code,
    )


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program, description=DESCRIPTION, formatter_class=HelpFormatter)
    add_server_options(parser, port=8000, device="auto")
    parser.add_argument("--num-frames", type=int, help="number of frames sampled from a video (default: 32)")
    parser.add_argument(
        "--allow-private-addresses",
        action="store_true",
        help="fetch URLs of clients from any address, also from those of your own network",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
