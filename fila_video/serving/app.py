"""python -m fila_video.serving.app MODEL: a web page on which visitors ask the model about their videos."""

import argparse
import sys
from collections.abc import Sequence

from fila_video.common.command_line import HelpFormatter, run_reporting_errors
from fila_video.common.extras import require_extra

from .server_options import add_server_options


PROGRAM = "python -m fila_video.serving.app"


def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """Serves until interrupted, and returns the exit status: 1 if the model cannot be served."""
    options = _parser(program).parse_args(arguments)
    return run_reporting_errors(program, lambda: _serve(options))


def _serve(options: argparse.Namespace) -> None:
    if options.write_space is not None:
        from .write_space import write_space

        write_space(options.model, options.write_space)
        print(f"Upload it with: hf upload --repo-type space USER/NAME {options.write_space}")
        return
    require_extra("app", ["gradio"], purpose="The web page")
    from .web.run_page import run_page  # loads transformers and Gradio, which `--help` does without
    from .web.video_checks import Limits

    run_page(
        options.model,
        host=options.host,
        port=options.port,
        limits=Limits(max_megabytes=options.max_megabytes, max_minutes=options.max_minutes),
        dtype=options.dtype,
        device=options.device,
        trust_remote_code=options.trust_remote_code,
    )


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program, description=__doc__, formatter_class=HelpFormatter)
    add_server_options(parser, port=7860, device=None)
    parser.add_argument("--max-megabytes", type=int, default=200, help="size of the largest video, in megabytes")
    parser.add_argument("--max-minutes", type=float, default=30, help="duration of the longest video, in minutes")
    parser.add_argument(
        "--write-space",
        metavar="FOLDER",
        help="do not serve: write the page as a Hugging Face Space with this model into a new folder",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
