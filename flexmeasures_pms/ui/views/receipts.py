"""Receipts: what was sent, by whom, and the result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response, request
from sqlalchemy.engine import Row
from werkzeug.exceptions import NotFound

from flexmeasures_pms.catalogue.asset_types import DATASETS
from flexmeasures_pms.gateways import manage
from flexmeasures_pms.ingest.receipt import unpack
from flexmeasures_pms.registry.queries.clocks import site_clock
from flexmeasures_pms.serving.readiness import require_tables
from flexmeasures_pms.storage.intake import journal, receipts
from flexmeasures_pms.ui.language.reasons import reason, senders
from flexmeasures_pms.ui.language.words import _, mark
from flexmeasures_pms.ui.page import query_params
from flexmeasures_pms.ui.page.access import Organisation, one_organisation
from flexmeasures_pms.ui.page.frame import page
from flexmeasures_pms.ui.routes import pms_ui

PAGE = 50
MOST_WAITING = 20
REACH = timedelta(days=7)
"""How far back a sender's receipts are searched by default."""

FATES = {
    "waiting": ("notice", mark("waits for a worker")),
    "processing": ("notice", mark("being stored")),
    "failed": ("bad", mark("failed")),
}
# By whether some of its samples were duplicates, refused and quarantined.
_NOTHING_STORED = {
    (False, True, False): mark("nothing stored: refused"),
    (False, False, True): mark("nothing stored: in quarantine"),
    (False, True, True): mark("nothing stored: refused in part, in part in quarantine"),
    (True, True, False): mark("nothing new: stored before in part, the rest refused"),
    (True, False, True): mark("nothing new: stored before in part, in part in quarantine"),
    (True, True, True): mark("nothing new: stored before, refused and in quarantine, each in part"),
}


@dataclass(frozen=True, slots=True)
class ReceiptFilter:
    """The filter of receipts."""

    since: datetime | None
    sender: str | None
    key: str | None
    dataset: str | None


@pms_ui.get("/pms/receipts")
def receipts_page() -> Response:
    """Show what was received, newest first, and what is not stored yet."""
    require_tables()
    organisation = one_organisation()
    zone = site_clock(organisation.id)
    sought = _sought(zone)
    rows = receipts.listed(
        organisation.id,
        limit=PAGE + 1,
        before=query_params.number("before", most=1 << 62),
        since=sought.since,
        sender=sought.sender,
        key=sought.key,
        dataset=sought.dataset,
    )
    shown = rows[:PAGE]
    waiting = _waiting(organisation)
    gateways = manage.listed(organisation.id)
    return page(
        "pms/receipts.html",
        active="receipts",
        title=_("Receipts"),
        organisation=organisation,
        zone=zone,
        sought=sought,
        datasets=DATASETS,
        keys=[(row.key_id, row.name) for row in gateways],
        gateways=sorted({row.name for row in gateways}),
        waiting=waiting,
        summary={row.state: row.requests for row in journal.summary(organisation.id)},
        fates={state: (level, _(words)) for state, (level, words) in FATES.items()},
        rows=shown,
        older=shown[-1].id if len(rows) > PAGE else None,
        senders=senders(_named([*shown, *waiting]), organisation.id),
        field=query_params.field,
        most_waiting=MOST_WAITING,
    )


@pms_ui.get("/pms/receipts/<int:number>")
def receipt_page(number: int) -> Response:
    """Show one receipt with all details."""
    require_tables()
    organisation = one_organisation()
    # First the journal: a request that leaves it meanwhile has its receipt.
    waits = _own(journal.find(number), organisation) if number < 1 << 62 else None
    row = waits or (_own(receipts.find(number), organisation) if number < 1 << 62 else None)
    if row is None:
        raise NotFound(_("There is no such receipt, or it has been purged."))
    return page(
        "pms/receipt.html",
        active="receipts",
        title=_("Receipt {n}", n=number),
        zone=site_clock(organisation.id),
        row=row,
        waits=waits is not None,
        result=None if waits is not None else result(row),
        details={} if waits is not None else _details(row),
        fates={state: (level, _(words)) for state, (level, words) in FATES.items()},
        senders=senders([row.sender], organisation.id),
        reason=reason,
    )


def result(row: Row[Any]) -> tuple[str, str]:
    """Return what became of a request that was worked off: the level of its badge, and words."""
    if row.stored:
        whole = row.stored + row.duplicate + row.no_answer >= row.samples
        return ("good", _("stored")) if whole else ("warn", _("stored in part"))
    if row.refused or row.quarantined:
        words = _NOTHING_STORED[bool(row.duplicate), bool(row.refused), bool(row.quarantined)]
        return ("bad" if row.refused else "warn"), _(words)
    if row.duplicate:
        return "notice", _("nothing new: all of it was stored before")
    if row.no_answer:
        return "none", _("nothing stored: no pack answered")
    return "none", _("nothing stored: no samples")


def _sought(zone: str) -> ReceiptFilter:
    args = request.args
    sender, key = args.get("sender", "")[:200] or None, args.get("key", "")[:200] or None
    dataset = next((name for name in DATASETS if name == args.get("dataset")), None)
    now = datetime.now(UTC)
    since = query_params.moment("since", zone, now)
    if since is None and (sender or key or dataset):
        since = (now - REACH).replace(minute=0, second=0, microsecond=0)
    return ReceiptFilter(since, sender, key, dataset)


def _waiting(organisation: Organisation) -> list[Row[Any]]:
    """Return what could not be stored, and then what is not stored yet, the oldest first."""
    found: list[Row[Any]] = []
    for state in ("failed", "processing", "waiting"):
        found += journal.listed(organisation.id, state=state, limit=MOST_WAITING - len(found))
    return found


def _own(row: Row[Any] | None, organisation: Organisation) -> Row[Any] | None:
    return row if row is not None and row.account_id == organisation.id else None


def _details(row: Row[Any]) -> dict[str, object]:
    return unpack(row.details) if row.details else {}


def _named(rows: Iterable[Row[Any]]) -> list[str]:
    return [row.sender for row in rows]
