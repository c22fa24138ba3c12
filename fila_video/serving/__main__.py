"""python -m fila_video.serving MODEL: an OpenAI-compatible server, for machines without vLLM."""

import argparse
import sys
from collections.abc import Sequence

from fila_video.common.command_line import HelpFormatter, run_reporting_errors


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
    parser.add_argument("model", help="folder or Hub id of a FiLA-Video model")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on")
    parser.add_argument("--num-frames", type=int, help="number of frames sampled from a video (default: 32)")
    parser.add_argument(
        "--allow-private-addresses",
        action="store_true",
        help="fetch URLs of clients from any address, also from those of your own network",
    )
    parser.add_argument("--dtype", default="auto", help="dtype of the weights")
    parser.add_argument("--device", default="auto", help="device of the model, such as cpu or cuda:0")
    parser.add_argument("--trust-remote-code", action="store_true", help="run the code that comes with the model")
    return parser


if __name__ == "__main__":
    sys.exit(main())
