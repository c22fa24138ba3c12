"""The error of a command that was called in a wrong way, and the look of its help."""

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption


class BadUsage(typer.TyperException):
    """A command was called in a wrong way. The message says how to call it."""

    exit_code = 2


class Group(TyperGroup):
    """All commands together."""

    def get_help_option(self, ctx: Any) -> TyperOption | None:
        return without_type(super().get_help_option(ctx))


class Command(TyperCommand):
    """A command whose `options_metavar` is all of its usage line."""

    def get_help_option(self, ctx: Any) -> TyperOption | None:
        return without_type(super().get_help_option(ctx))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [self.options_metavar or ""]


def without_type(option: TyperOption | None) -> TyperOption | None:
    """Takes `<bool>` from the description of an option without a value."""
    if option is not None:
        option.metavar = ""
    return option
