"""The commands that have a command line of their own: they get all arguments as they are."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import typer

from .usage import Command


# The module of each command, the words of its help in the list of commands.
FORWARDED = {
    "serve": ("fila_video.serving.__main__", "Start an OpenAI-compatible server with a model."),
    "app": ("fila_video.serving.app", "Start a web page on which visitors ask about their videos."),
    "convert": ("convert_checkpoint", "Convert LLaVA-OneVision, LLaVA-Video and other weights to FiLA-Video."),
    "train": ("fila_video.training.__main__", "Train one of the four stages."),
    "dataset": ("fila_video.dataset.__main__", "Make long training videos from short captioned clips, and check them."),
    "evaluate": ("fila_video.evaluation.__main__", "Measure a model with the paper's benchmarks or on drawn videos."),
    "publish": ("fila_video.hub.publish", "Publish a model, or the web page, on the Hugging Face Hub."),
}


class ForwardedCommand(Command):
    """A command that parses nothing, not even `--help`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.args = list(args)
        return []


def forwarded(name: str) -> Callable[[typer.Context], int]:
    """Makes the function of a command. Its module has `main(arguments, program)`."""

    def forward(context: typer.Context) -> int:
        return import_module(FORWARDED[name][0]).main(context.args, program=f"fila-video {name}")

    return forward
