"""``flexmeasures pms batch``: many commands with one start of FlexMeasures."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stdout
from functools import partial
from typing import Any, BinaryIO

import click
from click.exceptions import Exit, NoArgsIsHelpError
from flask import current_app

from flexmeasures_pms.cli.batch_lines import PROGRAM, CommandLine, lines
from flexmeasures_pms.cli.blueprint import nothing_to_read, pms_cli
from flexmeasures_pms.cli.common import ACCOUNT, check_note
from flexmeasures_pms.cli.output import print_json
from flexmeasures_pms.entry import Interrupted
from flexmeasures_pms.plural import counted

_NAMED = 20
"""How many lines are named at the end."""

Do = Callable[[list[str]], None]


@pms_cli.cli.command("batch")
@click.argument("file", type=click.File("rb"))
@click.option("--keep-going", is_flag=True, help="Go on after a command that fails.")
@click.option("--dry-run", is_flag=True, help="Only check that the commands and options exist.")
@click.option(
    "--account", "account_id", type=ACCOUNT, metavar="N",
    help="The organisation of all commands that name no other.",
)  # fmt: skip
@click.option(
    "--author", metavar="NAME", help="Who makes the changes of all commands that name no other."
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON for each command.")
def batch(
    file: BinaryIO,
    keep_going: bool,
    dry_run: bool,
    account_id: int | None,
    author: str | None,
    as_json: bool,
) -> None:
    """Run many commands with one start: those in FILE, or - for standard input.

    Each line is a command as in a shell, with or without `flexmeasures pms`; a backslash at
    its end continues it. Empty lines and comments with # are left out. Each command has a
    transaction of its own: what was done before one that fails stays done. It stops at the
    first one that fails, and fails if any did. Nothing is asked: a command that would ask
    needs its --yes.

    \b
    Examples:
      flexmeasures pms batch site.txt --account 1
      grep 'move-case' site.txt | flexmeasures pms batch - --keep-going --json
    """
    check_note("author", author)
    defaults = _defaults(pms_cli.cli, {"account_id": account_id, "author": author})
    do = partial(_check if dry_run else _run, defaults)
    done, failed = 0, list[int]()
    for line in lines(file):
        try:
            succeeded = _tried(line, do, as_json=as_json)
        except Interrupted:
            raise Interrupted(f"Interrupted in line {line.number}. {_sum(done, failed)}") from None
        done += succeeded
        if not succeeded:
            failed.append(line.number)
            if not keep_going:
                break
    if failed:
        end = "" if keep_going else " It stopped there: --keep-going goes on."
        raise click.ClickException(_sum(done, failed) + end)
    _say_end(done, dry_run=dry_run, quiet=as_json)


def _defaults(group: click.Group, values: Mapping[str, object]) -> dict[str, Any]:
    """Return the defaults of all commands for those of these parameters that they have."""
    given = {name: value for name, value in values.items() if value is not None}
    return {
        name: _defaults(command, values)
        if isinstance(command, click.Group)
        else {p.name: given[p.name] for p in command.params if p.name in given}
        for name, command in group.commands.items()
    }


def _tried(line: CommandLine, do: Do, *, as_json: bool) -> bool:
    """Run one command, say what came of it, and return whether it succeeded."""
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    if not as_json:
        click.echo(f"{line.number}: {line.shown}")
    with redirect_stdout(output) if as_json else nullcontext():
        error = _failure(line, do)
    if as_json:
        printed = output.detach().getvalue().decode()
        print_json(
            {
                "line": line.number,
                "command": line.text,
                "ok": error is None,
                "output": printed,
                "error": error,
            }
        )
    elif error is not None:
        click.echo(f"Error in line {line.number}: {error}", err=True)
    return error is None


def _failure(line: CommandLine, do: Do) -> str | None:
    """Run one command; return what it fails with."""
    try:
        do(line.words())
    except Exit as ended:
        return f"It ended with exit code {ended.exit_code}." if ended.exit_code else None
    except NoArgsIsHelpError as error:
        path = error.ctx.command_path if error.ctx else PROGRAM
        return f"`{path}` needs more: see `{path} --help`."
    except Interrupted:
        raise
    except click.ClickException as error:
        return error.format_message()
    return None


def _run(defaults: dict[str, Any], words: list[str]) -> None:
    """Run a command as if it had been started alone."""
    with current_app.app_context(), _nobody_to_ask():
        code = pms_cli.cli.main(words, PROGRAM, standalone_mode=False, default_map=defaults)
    if code:
        raise Exit(code)


def _check(defaults: dict[str, Any], words: list[str]) -> None:
    """Read a command and what it is given, as far as that can be done without running it."""
    command: click.Command = pms_cli.cli
    ctx, name = click.Context(command, info_name=PROGRAM, default_map=defaults), PROGRAM
    while isinstance(command, click.Group):
        if command is not pms_cli.cli:
            ctx = click.Context(command, parent=ctx, info_name=name)
        if not words:
            raise NoArgsIsHelpError(ctx)
        found_name, found, words = command.resolve_command(ctx, words)
        command, name = found or command, found_name or name
    with command.make_context(name, words, parent=ctx):
        pass


@contextmanager
def _nobody_to_ask() -> Iterator[None]:
    """Have nothing on standard input: it may be the batch, and nobody waits for questions."""
    before = sys.stdin
    sys.stdin = nothing_to_read()
    try:
        yield
    finally:
        sys.stdin = before


def _say_end(done: int, *, dry_run: bool, quiet: bool) -> None:
    if not done:
        said = "There is no command in it: nothing to do."
    elif dry_run:
        said = f"{counted(done, 'command')} can be read. Nothing was run."
    else:
        said = f"{counted(done, 'command')} done."
    click.echo(said, err=quiet)


def _sum(done: int, failed: list[int]) -> str:
    said = f"{counted(done, 'command')} done, {len(failed)} failed"
    if not failed:
        return f"{said}."
    named = ", ".join(map(str, failed[:_NAMED])) + (", …" if len(failed) > _NAMED else "")
    return f"{said}: line{'s' if len(failed) > 1 else ''} {named}."
