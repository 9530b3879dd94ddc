"""The blueprint of the command line: one group, ``flexmeasures pms``."""

from __future__ import annotations

import io
import re
import sys
from typing import Any, TextIO

import click
from flask import Blueprint, current_app
from flask.cli import AppGroup, ScriptInfo

from flexmeasures_pms import entry
from flexmeasures_pms.cli.failures import in_one_line

# What Python makes of bytes that are not UTF-8.
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def nothing_to_read() -> TextIO:
    """Return a standard input that has ended."""
    return io.TextIOWrapper(io.BytesIO())


class Commands(AppGroup):
    """All commands, each of which fails with one line."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the name of a command and what it is given, which must be text."""
        for arg in args:
            if found := _SURROGATE.search(arg):
                what = f"U+{ord(found[0]):04X}"
                ctx.fail(f"'{ascii(arg)[1:-1]}' is not text in UTF-8: it has {what}.")
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named."""
        # Not for the command alone: what it fails with is rolled back and told after its end.
        if not current_app:
            ctx.with_resource(ctx.ensure_object(ScriptInfo).load_app().app_context())
        if sys.stdin is None:  # closed: who asks, or reads it, finds that nobody answers
            sys.stdin = nothing_to_read()
        with in_one_line():
            return super().invoke(ctx)


pms_cli = Blueprint("pms_cli", "flexmeasures_pms.cli", cli_group=entry.NAME)
pms_cli.cli = Commands(help=entry.HELP)
