"""The command that takes back samples that were stored under a wrong time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click
from flexmeasures.data import db

from flexmeasures_pms.catalogue.quantities import BY_ASSET_TYPE
from flexmeasures_pms.cli.blueprint import pms_cli
from flexmeasures_pms.cli.common import (
    MOMENT,
    account_option,
    author_options,
    json_option,
    one_line_errors,
    progress_bar,
)
from flexmeasures_pms.cli.consent import agree, yes_option
from flexmeasures_pms.cli.output import SiteClock, print_json, wrapped
from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.ingest.retraction import Retracted, WrongTime, retract, wrong_time
from flexmeasures_pms.plural import counted
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.kinds import CASE, KINDS, PMS
from flexmeasures_pms.registry.queries.reported_places import ReportedPlace, reported_places
from flexmeasures_pms.registry.queries.search import Found, find_one

_SHOWN = 20


@pms_cli.cli.command("retract")
@click.argument("ident", metavar="DEVICE")
@click.option("--start", type=MOMENT, required=True, metavar="TIME", help="Begin of the period.")
@click.option("--end", type=MOMENT, required=True, metavar="TIME", help="End, not included.")
@click.option(
    "--kind", type=click.Choice(list(BY_ASSET_TYPE)), help="Which kind the id is of, if several."
)
@account_option
@yes_option
@json_option
@author_options(note_required=True)
@one_line_errors
def retract_(
    ident: str,
    start: datetime,
    end: datetime,
    kind: str | None,
    account_id: int | None,
    yes: bool,
    as_json: bool,
    who: Author,
) -> None:
    """Take back samples that were stored under a wrong time, with their beliefs.

    DEVICE is a PMS, of which all that it reported goes, of its packs and EHubs too, since a
    clock is a gateway's; or an MPPT, an inverter, a case, or a cabinet of which its EHub's
    status goes. The times are those of the samples. Set the clock first: what is sent again is
    stored again.

    The samples go to the quarantine as discarded, with the note. `flexmeasures pms quarantine
    replay --discarded` stores the same again, as long as the registry says that the same device
    reported it. The command may be stopped and run again. What waits in the quarantine or the
    journal is stored later, also if its time is wrong: see to it first.

    \b
    Examples:
      flexmeasures pms retract PMS-01-001 --start 2026-03-01T00:00+07:00 \\
          --end 2026-03-01T06:00+07:00 --note "clock was a day behind"
      flexmeasures pms quarantine replay --discarded --reason retracted --device PMS-01-001
    """
    if start >= end:
        raise click.UsageError("Give an --end that is after the --start.")
    kinds = [kind] if kind else list(BY_ASSET_TYPE)
    found = find_one(ident, kinds=kinds, account_id=account_id)
    wanted = wrong_time(found, start, end)
    if not wanted.things:
        raise RegistryError(
            f"The FlexMeasures asset of {_named(found)} is not the organisation's, or is not "
            "there: nothing of it can be taken back."
        )
    there = wanted.counted()
    if there:
        agree(_question(found, wanted, there), yes=yes)
    db.session.rollback()
    with progress_bar("Retracting", sum(there.values())) as tell:
        done = retract(wanted, there, who, tell)
    places = _places(found, wanted, there)
    if as_json:
        print_json(_record(found, wanted, done, places))
    else:
        for line in _told(found, done, places):
            click.echo(wrapped(line))


def _named(found: Found) -> str:
    return f"{KINDS[found.kind].words} '{found.ident}'"


def _question(found: Found, wanted: WrongTime, there: Mapping[int, int]) -> str:
    clock = SiteClock()
    begin, end = (clock(at, wanted.account_id) for at in (wanted.begin, wanted.end))
    samples = counted(sum(there.values()), "sample")
    things = f" of {counted(len(there), 'thing')}" if found.kind == PMS else ""
    said = "reported by" if found.kind == PMS else "of"
    return (
        f"Retract {samples}{things}, {said} {_named(found)} of organisation {wanted.account_id}, "
        f"from {begin} until before {end}, with their beliefs"
    )


def _places(found: Found, wanted: WrongTime, there: Mapping[int, int]) -> Sequence[ReportedPlace]:
    cases = [thing.id for thing in wanted.things if thing.kind == CASE and thing.id in there]
    device = found.ident if found.kind == PMS else None
    return reported_places(wanted.account_id, cases, wanted.begin, wanted.end, device)


def _record(
    found: Found, wanted: WrongTime, done: Retracted, places: Sequence[ReportedPlace]
) -> dict[str, Any]:
    return {
        "account_id": found.account_id,
        "kind": found.kind,
        "device": found.ident,
        "start": wanted.begin,
        "end": wanted.end,
        "samples": done.samples,
        "left": done.left,
        "places": [place._asdict() for place in places],
    }


def _told(found: Found, done: Retracted, places: Sequence[ReportedPlace]) -> list[str]:
    if not done.samples and not done.left:
        return ["There is no such sample: nothing was changed."]
    lines = [f"Retracted {counted(done.samples, 'sample')}, with their beliefs."]
    if done.left:
        lines.append(
            f"Left {counted(done.left, 'sample')} as they are: no request would store the same "
            "again, as the registry is now, since readings were saved or deleted through "
            "FlexMeasures, or since they are older than PMS_SAMPLE_DAYS. Delete their beliefs "
            "there: then they leave the log too."
        )
    if places:
        clock = SiteClock()
        lines.append(
            "The registry goes on to have what was reported in this time. If it is wrong, correct "
            "it with `flexmeasures pms correct`:"
        )
        lines += [
            f"  case '{p.case}' moved at {clock(p.since, found.account_id)}"
            for p in places[:_SHOWN]
        ]
        if len(places) > _SHOWN:
            lines.append(f"  … and {len(places) - _SHOWN:,} more: --json has all.")
    return lines
