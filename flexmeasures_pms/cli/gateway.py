"""``flexmeasures pms gateway``: the keys of gateways."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import click
from flexmeasures.data import db
from sqlalchemy.engine import Row

from flexmeasures_pms.catalogue.asset_types import DEVICE_KINDS
from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import (
    MOMENT,
    account_option,
    author_options,
    check_organisation,
    json_option,
    one_line_errors,
    organisation,
)
from flexmeasures_pms.cli.output import SiteClock, paragraph, print_json_array
from flexmeasures_pms.errors import RegistryConflict
from flexmeasures_pms.gateways import manage
from flexmeasures_pms.gateways.keys import IssuedKey
from flexmeasures_pms.gateways.scope import scoped
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.queries import search

T = TypeVar("T")

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_MOST = 2**31 - 1
_AT_LEAST_0, _AT_LEAST_1 = click.IntRange(0, _MOST), click.IntRange(1, _MOST)


class Span(click.ParamType[timedelta]):
    """A duration such as ``90m``, ``24h`` or ``7d``."""

    name = "span"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Read a duration."""
        found = re.fullmatch(r"(\d{1,5})([mhd])", str(value))
        if not found:
            self.fail(f"'{value}' is not a duration such as 90m, 24h or 7d.", param, ctx)
        return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _device_options(command: Callable[..., T]) -> Callable[..., T]:
    """Add an option for each kind of device."""
    for kind in reversed(DEVICE_KINDS):
        words = f"It may report for this {kind.label}; repeatable."
        command = click.option(f"--{kind.name}", multiple=True, metavar="ID", help=words)(command)
    return command


@pms_cli.cli.group("gateway")
def gateway_group() -> None:
    """Manage the keys of gateways."""


@gateway_group.command("add")
@click.argument("name")
@_device_options
@click.option("--expires", type=MOMENT, metavar="TIME", help="Until when the key is valid.")
@click.option(
    "--requests-per-minute", type=_AT_LEAST_1, metavar="N", help="Its own limit on requests."
)
@click.option(
    "--samples-per-minute", type=_AT_LEAST_1, metavar="N", help="Its own limit on samples."
)
@account_option
@author_options()
@one_line_errors
def add(
    name: str,
    account_id: int | None,
    expires: datetime | None,
    requests_per_minute: int | None,
    samples_per_minute: int | None,
    who: Author,
    **named: tuple[str, ...],
) -> None:
    """Create a key for a gateway, and show it once.

    The key covers the named devices, or all devices of the organisation if none is named.

    \b
    Example:
      flexmeasures pms gateway add "North mast" --pms PMS-01-001 --mppt MPPT-01-001
    """
    devices = [(kind, ident) for kind, idents in named.items() for ident in idents]
    owner = _owner(devices, account_id)
    key = manage.add(
        owner,
        name,
        devices=[scoped(kind, ident) for kind, ident in devices] or None,
        expires_at=expires,
        rates=(requests_per_minute, samples_per_minute),
        author=who,
    )
    db.session.commit()
    reach = ", ".join(ident for _, ident in devices) or "all its devices"
    click.echo(f"Gateway {name} may report to organisation {owner} for {reach}.")
    _show(key)


@gateway_group.command("change")
@click.argument("name")
@_device_options
@click.option("--all-devices", is_flag=True, help="It may report for all devices.")
@click.option(
    "--requests-per-minute", type=_AT_LEAST_0, metavar="N",
    help="Its own limit on requests; 0 uses the setting.",
)  # fmt: skip
@click.option(
    "--samples-per-minute", type=_AT_LEAST_0, metavar="N",
    help="Its own limit on samples; 0 uses the setting.",
)  # fmt: skip
@account_option
@author_options()
@one_line_errors
def change(
    name: str,
    all_devices: bool,
    account_id: int | None,
    requests_per_minute: int | None,
    samples_per_minute: int | None,
    who: Author,
    **named: tuple[str, ...],
) -> None:
    """Change the devices or limits of a gateway; its key stays the same.

    Named devices replace those it had; if none is named, it keeps them.

    \b
    Example:
      flexmeasures pms gateway change "North mast" --pms PMS-01-001 --pms PMS-01-002
    """
    found = manage.find(name, account_id)
    devices = [(kind, ident) for kind, idents in named.items() for ident in idents]
    if devices and all_devices:
        raise click.UsageError("Name devices, or give --all-devices, not both.")
    if devices:
        _owner(devices, found.account_id)
    scope = [scoped(kind, ident) for kind, ident in devices] or found.devices
    rates = (
        _limit(requests_per_minute, found.requests_per_minute),
        _limit(samples_per_minute, found.samples_per_minute),
    )
    manage.change(found, devices=None if all_devices else scope, rates=rates, author=who)
    db.session.commit()
    now = manage.find(name, found.account_id)
    click.echo(f"Gateway {now.name} may report for {_reach(now)}{_limits(now)} from now on.")


@gateway_group.command("rotate")
@click.argument("name")
@click.option(
    "--overlap", type=Span(), default="24h", show_default=True, metavar="SPAN",
    help="How long the old key stays good, as 90m, 24h or 7d; 0m ends it now.",
)  # fmt: skip
@click.option(
    "--expires", type=MOMENT, metavar="TIME",
    help="Until when the new key is good; by default as long as the old one was.",
)  # fmt: skip
@account_option
@author_options()
@one_line_errors
def rotate(
    name: str, overlap: timedelta, expires: datetime | None, account_id: int | None, who: Author
) -> None:
    """Give a gateway a new key; the old one stays good for a while.

    \b
    Example:
      flexmeasures pms gateway rotate "North mast" --overlap 7d
    """
    found = manage.find(name, account_id)
    key = manage.rotate(found, overlap=overlap, expires_at=expires, author=who)
    db.session.commit()
    click.echo(f"Gateway {found.name} has a new key; what it had before is good for {overlap}.")
    _show(key)


@gateway_group.command("revoke")
@click.argument("name")
@account_option
@author_options()
@one_line_errors
def revoke(name: str, account_id: int | None, who: Author) -> None:
    """Revoke all keys of a gateway, from now on.

    \b
    Example:
      flexmeasures pms gateway revoke "North mast" --note "stolen"
    """
    found = manage.find(name, account_id)
    manage.revoke(found, who)
    db.session.commit()
    click.echo(f"The keys of gateway {found.name} are refused from now on.")


@gateway_group.command("list")
@account_option
@json_option
@one_line_errors
def list_(account_id: int | None, as_json: bool) -> None:
    """List gateways and their keys, without the secrets.

    \b
    Example:
      flexmeasures pms gateway list --account 2
    """
    check_organisation(account_id)
    rows = manage.listed(account_id)
    if as_json:
        print_json_array(row._asdict() for row in rows)
        return
    clock = SiteClock()
    for row in rows:
        click.echo(_as_text(row, clock))
    if not rows:
        click.echo("No gateway has a key.")


def _owner(devices: Sequence[tuple[str, str]], account_id: int | None) -> int:
    """Return the organisation of the devices, all of which must be registered."""
    if not devices:
        return organisation(account_id)
    if account_id is not None:
        organisation(account_id)
    owners = {
        search.find_one(ident, kinds=[kind], account_id=account_id).account_id
        for kind, ident in devices
    }
    if len(owners) > 1:
        raise RegistryConflict(
            "The devices belong to several organisations: create a key for each."
        )
    return owners.pop()


def _show(key: IssuedKey) -> None:
    click.echo("Its key for the header x-api-key, shown only now:")
    click.echo(key.text)


def _as_text(row: Row[Any], clock: SiteClock) -> str:
    def time(at: datetime) -> str:
        return clock(at, row.account_id)

    state = [f"used {time(row.last_used_at)}" if row.last_used_at else "never used"]
    if row.expires_at:
        state.append(f"good until {time(row.expires_at)}")
    if row.revoked_at:
        state.append("revoked")
    return paragraph(
        f"{row.account_id}  {row.name}  pmsk_{row.key_id}…",
        f"{_reach(row)}{_limits(row)}",
        ", ".join(state),
        indent=2,
    )


def _reach(row: Row[Any]) -> str:
    return ", ".join(row.devices) if row.devices else "all devices"


def _limits(row: Row[Any]) -> str:
    """Return its own limits in words, or nothing where the settings apply."""
    own = {"request": row.requests_per_minute, "sample": row.samples_per_minute}
    return "".join(
        f", {number} {what}{'s' if number > 1 else ''} a minute"
        for what, number in own.items()
        if number
    )


def _limit(asked: int | None, now: int | None) -> int | None:
    return now if asked is None else asked or None
