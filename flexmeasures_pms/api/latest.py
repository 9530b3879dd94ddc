"""``GET …/latest``: the newest reading of one thing, or of all packs of a PMS at once.

Users who may read an organisation's assets may read these. A gateway whose key is restricted
to some devices reads what those report of what is in them now.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from flask import Response, request
from msgspec import Struct
from sqlalchemy.engine import Row
from werkzeug.exceptions import NotFound

from flexmeasures_pms.api.credentials import caller, organisation
from flexmeasures_pms.api.failures import reply
from flexmeasures_pms.api.replies import Latest, LatestOfPms, LatestPack
from flexmeasures_pms.catalogue.asset_types import SINGLE_DEVICES
from flexmeasures_pms.gateways.caller import READ, Caller, may_see
from flexmeasures_pms.gateways.reading import readable, reading_scope
from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.registry.kinds import CABINET, CASE, PMS
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.serving.readiness import require_tables
from flexmeasures_pms.storage.readings.latest import latest_of

KINDS = (CASE, *(kind.name for kind in SINGLE_DEVICES), CABINET, PMS)


def latest_of_device(ident: str) -> Response:
    """Reply with the newest reading of a case, cabinet or device.

    A board's id means the case that it is in now.
    """
    account_id, sender, now = _ask()
    things = [(kind, ident) for kind in KINDS]
    registered = load_directory(account_id, packs=[ident], things=things)
    entry = _find(registered, ident, now)
    scope = reading_scope(sender, registered)
    if entry is None or (scope and scope.period_at(entry.id, now) is None):
        raise NotFound("Nothing of this id is registered in the organisation.")
    row = readable(latest_of([entry.id]), scope).get(entry.id)
    return tagged(Latest(**_reading(registered, entry, row)))


def latest_of_pms(ident: str) -> Response:
    """Reply with the newest readings of a PMS's cabinets and packs, by dock."""
    account_id, sender, now = _ask()
    registered = load_directory(account_id, things=[("pms", ident)], parts=True)
    pms = registered.find("pms", ident)
    if pms is None or pms.asset_is_gone or not may_see(sender, "pms", pms.ident):
        raise NotFound("No PMS of this id is registered in the organisation.")
    cabinets = list(registered.cabinets(pms.id, now).values())
    cases = sorted(_cases(registered, [pms, *cabinets], now), key=lambda case: case[0] or 0)
    ids = [e.id for e in (pms, *cabinets)] + [case.id for _, case in cases]
    rows = readable(latest_of(ids), reading_scope(sender, registered))
    return tagged(
        LatestOfPms(
            **_reading(registered, pms, rows.get(pms.id)),
            cabinets=[Latest(**_reading(registered, c, rows.get(c.id))) for c in cabinets],
            packs=[
                LatestPack(dock=dock, **_reading(registered, case, rows.get(case.id)))
                for dock, case in cases
            ],
        )
    )


def _ask() -> tuple[int, Caller, datetime]:
    require_tables()
    now = datetime.now(UTC)
    sender = caller(now)
    return organisation(sender, READ), sender, now


def _find(registered: Directory, ident: str, now: datetime) -> Entry | None:
    wanted = request.args.get("kind")
    kinds = KINDS if wanted is None else tuple(kind for kind in KINDS if kind == wanted)
    found = next(filter(None, (registered.find(kind, ident) for kind in kinds)), None)
    if found is None and "case" in kinds:
        pack = registered.resolve_pack(ident, now)
        found = pack.case if pack else None
    return found if found is not None and not found.asset_is_gone else None


def _cases(
    registered: Directory, assemblies: Iterable[Entry], now: datetime
) -> Iterable[tuple[int | None, Entry]]:
    """Yield the cases registered in a PMS and its cabinets with their dock across the PMS."""
    for assembly in assemblies:
        for row in registered.parts_of(assembly.id, now):
            case = registered.entry(row.part_id)
            if case.kind == "case" and not case.asset_is_gone:
                yield registered.dock_across(case.id, now), case


def _reading(registered: Directory, entry: Entry, row: Row[Any] | None) -> dict[str, Any]:
    shown: dict[str, Any] = {"kind": entry.kind, "id": entry.ident, "asset": entry.asset_id}
    if row is None:
        return shown | {"time": None, "source": None, "readings": {}}
    source = registered.entries.get(row.device_id)
    return shown | {
        "time": row.event_time.astimezone(UTC),
        "source": source.ident if source else None,
        "readings": row.readings,
    }


def tagged(body: Struct) -> Response:
    """Reply with an ETag, so that a repeated request gets 304 if nothing is new.

    Clients keep the reply and its ETag themselves: no cache may store it.
    """
    response = reply(200, body)
    response.set_etag(sha256(response.get_data()).hexdigest()[:32])
    response.make_conditional(request)
    return response
