"""Commands that query the registry: what an id means, its history, what is in what."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, TypeVar

import click

from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import (
    MOMENT,
    PAST_MOMENT,
    F,
    account_option,
    json_option,
    kind_option,
    one_line_errors,
    organisation,
)
from flexmeasures_pms.cli.output import wrapped
from flexmeasures_pms.cli.text import (
    history_lines,
    in_zone,
    meaning_lines,
    tree_lines,
    zone_of,
)
from flexmeasures_pms.errors import UnknownId
from flexmeasures_pms.registry.loading import snapshot
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.registry.queries.clocks import site_clock
from flexmeasures_pms.registry.queries.history import history as history_of
from flexmeasures_pms.registry.queries.lookup import look_up, registry_as_of
from flexmeasures_pms.registry.queries.search import Found, find_one, registered_organisations
from flexmeasures_pms.registry.queries.tree import forest
from flexmeasures_pms.registry.queries.tree import tree as tree_of


class HasJson(Protocol):
    """What can be printed as JSON."""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""


T = TypeVar("T", bound=HasJson)


def _at_option(function: F) -> F:
    text = "The time, such as 2026-03-01T12:00:00+07:00; by default now."
    return click.option("--at", type=MOMENT, metavar="TIME", help=text)(function)


def _show(shown: T, lines: Callable[[T], Iterable[str]], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(shown.as_json(), indent=2, ensure_ascii=False))
        return
    for line in lines(shown):
        click.echo(wrapped(line))


def _find(ident: str, kind: str | None, account_id: int | None) -> Found:
    return find_one(ident, kinds=[kind] if kind else None, account_id=account_id)


@pms_cli.cli.command("lookup")
@click.argument("ident", metavar="ID")
@_at_option
@click.option(
    "--as-known-at", type=PAST_MOMENT, metavar="TIME", help="As the registry was at that time."
)
@kind_option
@account_option
@json_option
@one_line_errors
def lookup(
    ident: str,
    at: datetime | None,
    as_known_at: datetime | None,
    kind: str | None,
    account_id: int | None,
    as_json: bool,
) -> None:
    """Print what an id means at a time: which case a board was in, where a case was.

    \b
    Example:
      flexmeasures pms lookup 66BFF353734574E43235318 --at 2026-03-01T12:00:00+07:00
    """
    found = _find(ident, kind, account_id)
    registered = registry_as_of(found.account_id, as_known_at)
    entry = registered.entries.get(found.id)
    if entry is None or registered.find(entry.kind, ident) is None:
        then = in_zone(site_clock(found.account_id)).moment(as_known_at or datetime.now(UTC))
        raise UnknownId(f"'{ident}' was not registered yet at {then}.")
    _show(look_up(registered, entry, at or datetime.now(UTC)), meaning_lines, as_json)


@pms_cli.cli.command("history")
@click.argument("ident", metavar="ID")
@kind_option
@account_option
@json_option
@one_line_errors
def history(ident: str, kind: str | None, account_id: int | None, as_json: bool) -> None:
    """Show the history of something: a board's cases, a case's boards, who recorded what.

    \b
    Example:
      flexmeasures pms history 269
    """
    found = _find(ident, kind, account_id)
    _show(history_of(found.account_id, found.id), history_lines, as_json)


@pms_cli.cli.command("tree")
@click.argument("ident", metavar="[ID]", required=False)
@_at_option
@kind_option
@account_option
@json_option
@one_line_errors
def tree(
    ident: str | None,
    at: datetime | None,
    kind: str | None,
    account_id: int | None,
    as_json: bool,
) -> None:
    """Show what is in one PMS, cabinet or case, or in all, as a tree.

    \b
    Example:
      flexmeasures pms tree PMS-01-001
    """
    moment = at or datetime.now(UTC)
    if ident is not None:
        found = _find(ident, kind, account_id)
        registered = load_directory(found.account_id, numbers=[found.id], parts=True)
        entry = registered.entry(found.id)
        said = in_zone(zone_of(registered, entry, moment))
        _show(tree_of(registered, entry, moment), partial(tree_lines, said=said), as_json)
        return
    using = registered_organisations()
    if account_id is None and len(using) == 1:
        (account_id,) = using
    account_id = organisation(account_id)
    nodes = list(forest(snapshot.read(account_id), moment))
    if as_json:
        click.echo(json.dumps([n.as_json() for n in nodes], indent=2, ensure_ascii=False))
        return
    said = in_zone(site_clock(account_id))
    for node in nodes:
        _show(node, partial(tree_lines, said=said), as_json=False)
    if not nodes:
        click.echo("Nothing is registered.")
