"""``flexmeasures pms`` from before FlexMeasures starts: standard output is the commands' alone.

FlexMeasures logs its start to standard output, before it loads any plugin. Flask takes commands
also from the entry point ``flask.commands``, and before it starts FlexMeasures. So this command
stands in for the group of the same name that the plugin adds, and nothing here imports more than
Flask and Click: it is loaded for each command of FlexMeasures.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click
from flask import current_app
from flask.cli import ScriptInfo

NAME = "pms"
HELP = "Battery packs: the registry of cases and cabinets, and their telemetry."

_INTERRUPTED = 130

T = TypeVar("T")


class Interrupted(click.ClickException):
    """Ctrl-C, as one line and with the exit code that shells give it."""

    exit_code = _INTERRUPTED


class _StandIn(click.Group):
    """The group of commands that the plugin has added to FlexMeasures, once that has started."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the plugin's commands."""
        return _commands(ctx).list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one of the plugin's commands."""
        return _commands(ctx).get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command as the plugin's own group does."""
        return _commands(ctx).invoke(ctx)


def _commands(ctx: click.Context) -> click.Group:
    if not current_app:
        ctx.with_resource(ctx.ensure_object(ScriptInfo).load_app().app_context())
    found = current_app.cli.commands.get(NAME)
    if not isinstance(found, click.Group):
        raise click.ClickException(
            "FlexMeasures has not loaded the plugin: set FLEXMEASURES_PLUGINS = "
            '["flexmeasures_pms"] in flexmeasures.cfg.'
        )
    return found


def __getattr__(name: str) -> click.Group:
    # Asked for by Flask alone: FlexMeasures imports all modules of a plugin, and asks for nothing.
    if name != NAME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _start_apart()
    return _StandIn(NAME, help=HELP)


def _start_apart() -> None:
    """Have FlexMeasures start with standard error in place of standard output, for our group."""
    ctx = click.get_current_context(silent=True)
    info = ctx.find_object(ScriptInfo) if ctx else None
    if info is not None:
        info.load_app = _apart(info.load_app)  # type: ignore[method-assign]


def _apart(start: Callable[[], T]) -> Callable[[], T]:
    @functools.wraps(start)
    def run() -> T:
        if click.get_current_context().find_root().invoked_subcommand != NAME:
            return start()
        try:
            with _stdout_to_stderr():
                started = start()
        except KeyboardInterrupt:
            raise Interrupted("Interrupted before the command began.") from None
        _log_to_stderr()
        return started

    return run


@contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Redirect the file of standard output: some handlers have opened the stream before."""
    if sys.stdout is None or sys.stderr is None:
        yield
        return
    sys.stdout.flush()
    kept = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, sys.stdout.fileno())
        os.close(kept)


def _log_to_stderr() -> None:
    """Let what is logged while the command runs go to standard error too."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stdout:
            handler.setStream(sys.stderr)
