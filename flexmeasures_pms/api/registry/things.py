"""``GET …/registry/things``: what is registered, and one thing with its history and its tree."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from flask import Response, request
from werkzeug.exceptions import BadRequest, NotFound

from flexmeasures_pms.api.failures import reply
from flexmeasures_pms.api.query import moment, past_moment, whole_number
from flexmeasures_pms.api.registry.access import readable_registry
from flexmeasures_pms.api.registry.records import (
    IdMeaning,
    IdMeanings,
    ListedThing,
    PartRecord,
    PlaceRecord,
    RecordedTransaction,
    Thing,
    ThingHistory,
    ThingList,
    ThingTree,
    TreeList,
    TreeRecord,
)
from flexmeasures_pms.registry.directory import Directory, Entry, installation_record
from flexmeasures_pms.registry.kinds import DEVICES, KINDS, PMS
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.registry.queries.browse import not_installed
from flexmeasures_pms.registry.queries.history import history, registered_at
from flexmeasures_pms.registry.queries.listing import PageEnd, listed
from flexmeasures_pms.registry.queries.lookup import look_up, registry_as_of
from flexmeasures_pms.registry.queries.tree import tree
from flexmeasures_pms.registry.timeline import Rows

PAGE, LARGEST_PAGE = 100, 1_000
TREES, MOST_TREES = 10, 50
LARGEST_NUMBER = (1 << 63) - 1
LONGEST = 200
"""Characters of a text that is searched for, or of where a page ended."""

NOTHING = "Nothing of this kind and id is registered in the organisation."


def list_things() -> Response:
    """Reply with what is registered, by kind and id."""
    account_id = readable_registry()
    found = listed(
        account_id,
        kind=_kind(),
        text=_text("text"),
        after=_after(),
        count=whole_number("limit", most=LARGEST_PAGE) or PAGE,
    )
    things = [ListedThing(one.id, one.kind, one.ident, one.retired_at) for one in found.found]
    return reply(200, ThingList(things, found.after and ":".join(found.after)))


def one_thing(kind: str, ident: str) -> Response:
    """Reply with one thing and where it is now."""
    account_id = readable_registry()
    registered, entry = _thing(load_directory(account_id), kind, ident)
    found = look_up(registered, entry, datetime.now(UTC))
    thing = Thing(
        number=entry.id,
        kind=entry.kind,
        id=entry.ident,
        retired_at=entry.retired_at,
        aliases=list(found.aliases),
        docks=entry.docks,
        timezone=entry.timezone,
        latitude=entry.latitude,
        longitude=entry.longitude,
        parent_asset=entry.parent_asset_id,
        asset=entry.asset_id,
        registered_at=registered_at(entry.id),
        installed_in=_places(registered, found.chain),
    )
    return reply(200, thing)


def history_of_thing(kind: str, ident: str) -> Response:
    """Reply with a thing's life, and a page of what was recorded about it."""
    account_id = readable_registry()
    _, entry = _thing(load_directory(account_id), kind, ident)
    limit = whole_number("limit", most=LARGEST_PAGE) or PAGE
    before = whole_number("before", most=LARGEST_NUMBER)
    life = history(account_id, entry.id, last=limit + 1, before=before)
    newest = life.transactions[::-1]
    more = len(newest) > limit
    shown = msgspec.convert(newest[:limit], list[RecordedTransaction])
    entries = life.directory.entries
    parts = [
        {"kind": entries[row.part_id].kind, "id": entries[row.part_id].ident}
        | installation_record(entries, row)
        for row in life.parts
    ]
    found = ThingHistory(
        kind=entry.kind,
        id=entry.ident,
        aliases=list(life.aliases),
        installed_in=_places(life.directory, life.places),
        parts=msgspec.convert(parts, list[PartRecord]),
        transactions=shown,
        next=shown[-1].number if more else None,
    )
    return reply(200, found)


def tree_of_thing(kind: str, ident: str) -> Response:
    """Reply with a thing and what was in it at a time."""
    account_id = readable_registry()
    at, known_at = moment("at") or datetime.now(UTC), past_moment("as_known_at")
    if known_at is None:
        among = load_directory(account_id, things=[(kind, ident)], parts=True)
    else:
        among = registry_as_of(account_id, known_at)
    registered, entry = _thing(among, kind, ident)
    return reply(200, ThingTree(at, _tree(registered, entry, at)))


def list_trees() -> Response:
    """Reply with all devices of a kind, or what was in nothing, each with what was in it."""
    account_id = readable_registry()
    at = moment("at") or datetime.now(UTC)
    kind = _kind() or PMS
    found = not_installed(
        account_id,
        kind,
        at,
        after=_text("after"),
        count=whole_number("limit", most=MOST_TREES) or TREES,
        everywhere=kind in DEVICES,
    )
    numbers = [one.id for one in found.found]
    registered = load_directory(account_id, numbers=numbers, parts=True)
    trees = [_tree(registered, registered.entry(number), at) for number in numbers]
    return reply(200, TreeList(at, trees, found.after))


def look_up_id(ident: str) -> Response:
    """Reply with what an id means at a time, as known now or then."""
    account_id = readable_registry()
    kind = _kind()
    at = moment("at") or datetime.now(UTC)
    registered = registry_as_of(account_id, past_moment("as_known_at"))
    named = (registered.find(one, ident) for one in ([kind] if kind else KINDS))
    found = [look_up(registered, entry, at).as_json() for entry in named if entry is not None]
    if not found:
        raise NotFound("This id is not registered in the organisation, or was not at that time.")
    return reply(200, IdMeanings(msgspec.convert(found, list[IdMeaning])))


def _thing(registered: Directory, kind: str, ident: str) -> tuple[Directory, Entry]:
    entry = registered.find(kind, ident) if kind in KINDS else None
    if entry is None:
        raise NotFound(NOTHING)
    return registered, entry


def _tree(registered: Directory, entry: Entry, at: datetime) -> TreeRecord:
    return msgspec.convert(tree(registered, entry, at).as_json(), TreeRecord)


def _places(registered: Directory, rows: Rows) -> list[PlaceRecord]:
    records: list[dict[str, Any]] = [installation_record(registered.entries, row) for row in rows]
    return msgspec.convert(records, list[PlaceRecord])


def _kind() -> str | None:
    kind = request.args.get("kind", "")
    if kind and kind not in KINDS:
        raise BadRequest(f"The parameter kind is one of {', '.join(KINDS)}.")
    return kind or None


def _text(name: str) -> str:
    text = request.args.get(name, "")
    if len(text) > LONGEST:
        raise BadRequest(f"The parameter {name} has at most {LONGEST} characters.")
    return text


def _after() -> PageEnd | None:
    kind, _, key = _text("after").partition(":")
    return (kind, key) if kind else None
