"""python -m fila_video.onnx export|ask: a model as ONNX files, and questions to it without PyTorch."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from fila_video.common.command_line import HelpFormatter, run_reporting_errors
from fila_video.common.extras import require_extra


PROGRAM = "python -m fila_video.onnx"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status: 1 if something is wrong with the data."""
    options = _parser().parse_args(arguments)
    return run_reporting_errors(f"{PROGRAM} {options.command}", lambda: options.run(options))


def _export(options: argparse.Namespace) -> None:
    require_extra("onnx", ("onnx", "onnxruntime", "onnxscript"), purpose="The export")
    from .export import export_model

    differences = export_model(
        options.model, options.output, num_frames=options.num_frames, trust_remote_code=options.trust_remote_code
    )
    print(f"Wrote {options.output}. Largest difference to PyTorch, in float32: {differences}.")


def _ask(options: argparse.Namespace) -> None:
    require_extra("onnx", ("onnxruntime", "tokenizers"), purpose="The runner")
    from .ask import answer_requests, read_requests

    requests = read_requests(options.requests) if options.requests else _request(options)
    for answer in answer_requests(options.folder, requests, timestamps=options.timestamps):
        if options.requests:
            print(json.dumps(answer, ensure_ascii=False), flush=True)
        elif "error" in answer:
            raise ValueError(answer["error"])
        else:
            print(answer["answer"])
            print(f"scenes at {', '.join(f'{scene:.1f}' for scene in answer['scene_seconds'])} s")


def _request(options: argparse.Namespace) -> Iterator[dict[str, str]]:
    if not (options.video and options.question):
        raise ValueError("Give a video and a question, or --requests.")
    yield {"video": options.video, "question": options.question}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True)
    for add in (_add_export, _add_ask):
        add(subparsers, formatter_class=HelpFormatter)
    return parser


def _add_export(subparsers, **style) -> None:
    parser = subparsers.add_parser("export", help="write a model as ONNX files", **style)
    parser.set_defaults(run=_export)
    parser.add_argument("model", help="folder or Hub id of a FiLA-Video model")
    parser.add_argument("output", type=Path, help="folder to write")
    parser.add_argument("--num-frames", type=int, help="number of frames to sample (default: the model's)")
    parser.add_argument("--trust-remote-code", action="store_true", help="run the code that comes with the model")


def _add_ask(subparsers, **style) -> None:
    parser = subparsers.add_parser("ask", help="ask about videos with ONNX Runtime", **style)
    parser.set_defaults(run=_ask)
    parser.add_argument("folder", type=Path, help="folder that `export` wrote")
    parser.add_argument("video", nargs="?", help="path or URL of a video")
    parser.add_argument("question", nargs="?", help="question about the video")
    parser.add_argument(
        "--requests",
        type=Path,
        help="JSON lines with `video` and `question` instead; the answers are JSON lines, one for each request",
    )
    parser.add_argument("--timestamps", help="how the prompt states times (default: as the model's processor)")


if __name__ == "__main__":
    sys.exit(main())
