"""Options, times and error handling that the commands share."""

from __future__ import annotations

import contextlib
import functools
import getpass
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, ParamSpec, TypeVar, cast

import click
from flexmeasures.data import db

from flexmeasures_pms import identifiers
from flexmeasures_pms.cli.output import wrapped
from flexmeasures_pms.cli.text import in_zone, zone_of_change
from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.ingest.follow_up import commit_with_effects
from flexmeasures_pms.migrations import schema
from flexmeasures_pms.registry.editing.change import Author, Change
from flexmeasures_pms.registry.editing.doubtful import (
    NO_DOUBTFUL_IDS,
    AcceptedIds,
    refuse_doubtful,
)
from flexmeasures_pms.registry.editing.waiting import notifying
from flexmeasures_pms.registry.kinds import KINDS, PART_KINDS
from flexmeasures_pms.registry.messages.moments import (
    EVENTS,
    PAST,
    PLANNED,
    QUERIES,
    MomentRange,
    accepted,
    read_moment,
)
from flexmeasures_pms.registry.queries import search

P = ParamSpec("P")
F = TypeVar("F", bound=Callable[..., Any])
Option = Callable[[F], F]


class MomentParam(click.ParamType[datetime]):
    """A time as ISO 8601 with an offset from UTC.

    :param among: what is accepted; None where the command checks it.
    """

    name = "time"

    def __init__(self, among: MomentRange | None = QUERIES) -> None:
        self._among = among

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read a time; one without an offset is refused: its meaning would be unclear."""
        if isinstance(value, datetime):
            return value
        try:
            at = read_moment(value)
            return at if self._among is None else accepted(at, self._among)
        except RegistryError as error:
            self.fail(str(error), param, ctx)


MOMENT = MomentParam()
PAST_MOMENT = MomentParam(PAST)
ACCOUNT = click.IntRange(1, 2**31 - 1)
"""The number of an organisation."""

ROW = click.IntRange(1, 2**63 - 1)
"""The number of a row of the plugin's tables."""

LIMIT = click.IntRange(1, 1_000_000)
"""How many things are listed."""


def account_option(function: F) -> F:
    """Add ``--account``."""
    text = "The organisation, by its FlexMeasures account id."
    return click.option("--account", "account_id", type=ACCOUNT, metavar="N", help=text)(function)


def event_options(**helps: str) -> Option[Any]:
    """Add options with the time of a change, by their names, and ``--planned``."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(*args: Any, planned: bool, **options: Any) -> None:
            for name in helps:
                _check_event(name, options[name], PLANNED if planned else EVENTS)
            function(*args, **options)

        text = "It is planned: its time may be up to a year ahead."
        command = click.option("--planned", is_flag=True, help=text)(run)
        for name, text in reversed(helps.items()):
            command = click.option(f"--{name}", type=MomentParam(None), metavar="TIME", help=text)(
                command
            )
        return command

    return decorate


def _check_event(name: str, at: datetime | None, among: MomentRange) -> None:
    try:
        if at is not None:
            accepted(at, among)
    except RegistryError as error:
        raise click.BadParameter(str(error), param_hint=f"'--{name}'") from error


at_option = event_options(
    at="When it starts, such as 2026-03-01T12:00:00+07:00. By default a first installation "
    "has no start, and a change starts now."
)
"""Add ``--at`` and ``--planned`` for a change."""


def kind_option(function: F) -> F:
    """Add ``--kind`` for any trackable."""
    text = "Which kind the id is of, if several have this id."
    return click.option("--kind", type=click.Choice(list(KINDS)), help=text)(function)


def part_kind_option(function: F) -> F:
    """Add ``--kind`` for a part that may have to be registered."""
    text = "Kind of the part; an unknown part is registered as this kind."
    return click.option("--kind", type=click.Choice(PART_KINDS), help=text)(function)


def with_packs_option(function: F) -> F:
    """Add ``--with-packs``."""
    text = "A cabinet leaves its PMS with the packs in it."
    return click.option("--with-packs", is_flag=True, help=text)(function)


def parent_asset_option(function: F) -> F:
    """Add ``--parent-asset``."""
    text = "FlexMeasures asset above it."
    option = click.option("--parent-asset", "parent_asset_id", type=int, metavar="N", help=text)
    return option(function)


def author_options(*, note_required: bool = False) -> Option[Any]:
    """Add ``--note`` and ``--author``, passed as one parameter ``who``."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(*args: Any, author: str | None, note: str | None, **options: Any) -> None:
            for name, text in (("author", author), ("note", note)):
                check_note(name, text)
            function(*args, who=Author(f"cli:{author or _system_user()}", note), **options)

        text = "Reason, stored with the transaction."
        add_note = click.option("--note", required=note_required, metavar="TEXT", help=text)
        text = "Who makes the change; by default the system user."
        return add_note(click.option("--author", metavar="NAME", help=text)(run))

    return decorate


def _system_user() -> str:
    """Return who runs the command; a container may have no name for that."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise click.UsageError("The system user has no name: give --author.") from None


def check_note(name: str, text: str | None) -> None:
    """Refuse control characters in a text that may have several lines.

    :param name: of its option.
    """
    lines = (text or "").replace("\n", "").replace("\t", "")
    if found := identifiers.control_character(lines):
        problem = f"It has the control character {found}."
        raise click.BadParameter(problem, param_hint=f"'--{name}'")


def json_option(function: F) -> F:
    """Add ``--json``."""
    text = "Print one JSON document instead of text."
    return click.option("--json", "as_json", is_flag=True, help=text)(function)


def one_line_errors(function: Callable[P, None]) -> Callable[P, None]:
    """Check texts and tables before a command: it fails with one line, as all of them do."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        _check_text(kwargs)
        schema.check(db.session.connection())
        with notifying(_say_why_it_waits):
            function(*args, **kwargs)

    return run


def _say_why_it_waits() -> None:
    click.echo("Waiting: another change of this registry is not finished yet.", err=True)


@contextlib.contextmanager
def progress_bar(label: str, length: int) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how far something is; yields what is told how many more are done."""
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=length, label=label, file=sys.stderr, hidden=hidden) as bar:
        yield bar.update


def accepted_ids_option(function: F) -> F:
    """Add ``--allow-similar-ids`` and ``--allow-odd-ids``, passed as one ``accepted``."""

    @functools.wraps(function)
    def run(*args: Any, similar_ids: bool, odd_ids: bool, **options: Any) -> None:
        function(*args, accepted=AcceptedIds(similar_ids, odd_ids), **options)

    text = "Also register placeholders such as N/A, and what spreadsheets leave, such as 241.0."
    command = click.option("--allow-odd-ids", "odd_ids", is_flag=True, help=text)(run)
    text = "Also register an id that differs from a known one only by leading zeros."
    add_similar = click.option("--allow-similar-ids", "similar_ids", is_flag=True, help=text)
    return cast(F, add_similar(command))


def _check_text(options: Mapping[str, object]) -> None:
    """Refuse control characters, and bytes that are no text.

    :raises click.BadParameter: naming the option.
    """
    for name, value in options.items():
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and (found := identifiers.control_character(text)):
                ctx = click.get_current_context()
                param = next((p for p in ctx.command.params if p.name == name), None)
                raise click.BadParameter(f"It has the control character {found}.", ctx, param)


def finish(change: Change, author: Author, *, accepted: AcceptedIds = NO_DOUBTFUL_IDS) -> None:
    """Let assets and telemetry follow a change, commit all of it, and print what was done.

    :param accepted: which doubtful ids it may register.
    :raises RegistryError: if it registers another doubtful one.
    """
    refuse_doubtful(change, accepted)
    zone = zone_of_change(change)
    for line in commit_with_effects(change, author):
        click.echo(wrapped(line.render(in_zone(zone))))


def organisation(account_id: int | None) -> int:
    """Return the organisation of a command that has no ids to find it by.

    :raises RegistryError: if the server has several and none was named.
    """
    if account_id is not None:
        search.organisation_name(account_id)
        return account_id
    only = search.only_organisation()
    if only is None:
        raise RegistryError("The organisation is not clear from these ids: give --account.")
    return only


def check_organisation(account_id: int | None) -> None:
    """Make sure that an organisation exists, if one was named.

    :raises RegistryError: if there is none of this number.
    """
    if account_id is not None:
        search.organisation_name(account_id)
