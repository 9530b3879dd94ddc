"""Search: anything registered by its id, an alias, or a part of one; products and parties too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter

from flask import redirect, request
from werkzeug.wrappers import Response as BaseResponse

from flexmeasures_pms import identifiers
from flexmeasures_pms.overview.unknown_packs import Unregistered, unregistered
from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.registry.kinds import BUILT_IN, CASE, DEVICES
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.registry.location import above
from flexmeasures_pms.registry.master.finding import records_containing, with_serial
from flexmeasures_pms.registry.messages.message import place_of
from flexmeasures_pms.registry.queries.browse import containing
from flexmeasures_pms.registry.queries.search import Found
from flexmeasures_pms.serving.readiness import require_tables
from flexmeasures_pms.ui.language.glossary import TERMS
from flexmeasures_pms.ui.language.words import _, mark
from flexmeasures_pms.ui.page import links
from flexmeasures_pms.ui.page.access import Organisation, chosen, may
from flexmeasures_pms.ui.page.frame import page
from flexmeasures_pms.ui.products.records import RecordAddresses
from flexmeasures_pms.ui.registry.message import rendered_place
from flexmeasures_pms.ui.registry.subject import CHANGE_THINGS, Addresses, zone_of
from flexmeasures_pms.ui.registry.terms import called, kind_name, kind_title, retired_note
from flexmeasures_pms.ui.routes import pms_ui

MOST = 50
RECORDS = {"product": mark("Product"), "batch": mark("Batch"), "party": mark("Party")}


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One thing that was found.

    :param where: where it is now, and what that is in, up to its PMS, as text and URL.
    :param registry: the URL of its page in the registry.
    """

    kind: str
    ident: str
    address: str
    where: tuple[tuple[str, str], ...]
    registry: str
    retired: str
    organisation: str


@dataclass(frozen=True, slots=True)
class RecordResult:
    """A product, batch or party that was found.

    :param of: the product of a batch.
    """

    kind: str
    name: str
    of: str
    address: str
    organisation: str


@pms_ui.get("/pms/search")
def search_page() -> BaseResponse:
    """Show what has the text in its id; go to it at once if it is the only one."""
    require_tables()
    text = identifiers.clean(request.args.get("q", ""))[: identifiers.MAX_LENGTH]
    seen = chosen()
    found = _things(text, seen)
    results = tuple(_results(found[:MOST], seen))
    records = tuple(_records(text, seen))
    addresses = [*(one.address for one in results), *(one.address for one in records)]
    if len(addresses) == 1:
        return redirect(addresses[0], 303)
    waiting = () if addresses or not text else _waiting(text, seen)
    return page(
        "pms/search.html",
        active="search",
        title=_("Search"),
        text=text,
        results=results,
        records=records,
        more=len(found) > MOST,
        waiting=waiting,
        may_register=any(may(CHANGE_THINGS, one) for one in seen),
        names={one.id: one.name for one in seen},
        kind_name=kind_name,
        several=len(seen) > 1,
        kind_title=kind_title,
        installable=BUILT_IN,
        explained=TERMS,
    )


def _things(text: str, seen: Iterable[Organisation]) -> list[Found]:
    """Return what has the text in its id, and what has it for its serial number."""
    accounts = [one.id for one in seen]
    found = containing(accounts, text, count=MOST + 1)
    by_serial = with_serial(accounts, text, count=MOST) if text else ()
    return list(dict.fromkeys((*found, *by_serial)))


def _records(text: str, seen: Iterable[Organisation]) -> Iterator[RecordResult]:
    """Yield the products, batches and parties that have the text in their name."""
    names = {one.id: one.name for one in seen}
    several = len(names) > 1
    for one in records_containing(list(names), text, count=MOST):
        to = RecordAddresses(Addresses(one.account_id if several else None))
        address = {"product": to.product, "batch": to.batch, "party": to.party}[one.kind](one.id)
        owner = names[one.account_id] if several else ""
        yield RecordResult(_(RECORDS[one.kind]), one.name, one.of or "", address, owner)


def _waiting(text: str, seen: Iterable[Organisation]) -> tuple[Unregistered, ...]:
    """Return what has the text in its id among the newest of what reports without being known."""
    part = identifiers.key(text)
    unknown = unregistered([one.id for one in seen])
    return tuple(one for one in unknown if part in identifiers.key(one.ident))


def _results(found: Iterable[Found], seen: Iterable[Organisation]) -> Iterator[SearchResult]:
    """Yield what was found in its order, with where it is: one registry is read for each."""
    things, now = list(found), datetime.now(UTC)
    organisations = {one.id: one for one in seen}
    several = len(organisations) > 1
    shown: dict[int, SearchResult] = {}
    of_account = attrgetter("account_id")
    for account_id, group in groupby(sorted(things, key=of_account), key=of_account):
        numbers = [one.id for one in group]
        registered = load_directory(account_id, numbers=numbers)
        to = Addresses(account_id if several else None)
        for number in numbers:
            organisation = organisations[account_id].name if several else ""
            shown[number] = _result(registered, registered.entry(number), to, now, organisation)
    yield from (shown[one.id] for one in things)


def _result(
    registered: Directory, entry: Entry, to: Addresses, now: datetime, organisation: str
) -> SearchResult:
    holding = above(registered, entry, now)
    row = registered.installed(entry.id, now)
    place = (rendered_place(place_of(registered, row, now)),) if row else ()
    names = (*place, *map(called, holding[1:]))
    return SearchResult(
        entry.kind,
        entry.ident,
        _address(entry, to),
        tuple((name, _address(one, to)) for name, one in zip(names, holding, strict=True)),
        to.thing(entry.kind, entry.ident),
        _retired(registered, entry, holding, now),
        organisation,
    )


def _retired(registered: Directory, entry: Entry, holding: tuple[Entry, ...], now: datetime) -> str:
    if entry.retired_at is None:
        return ""
    return retired_note(entry, now, zone_of(registered.account_id, entry, *holding))


def _address(entry: Entry, to: Addresses) -> str:
    """Return the URL of a thing: of its readings if it has some, else in the registry."""
    if entry.kind in (CASE, *DEVICES):
        return links.device(entry.kind, entry.ident, organisation=to.organisation)
    return to.thing(entry.kind, entry.ident)
