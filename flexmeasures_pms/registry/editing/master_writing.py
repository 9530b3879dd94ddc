"""Writing what a changeset says of products, parties, batches and origins."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db
from msgspec.structs import asdict

from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.copying import copy
from flexmeasures_pms.registry.editing.master_state import MasterState, Records
from flexmeasures_pms.registry.master.record_tables import R
from flexmeasures_pms.registry.master.records import RecordKind, TrackableOrigin
from flexmeasures_pms.registry.master_tables import master_transaction, origin

_ORIGIN = (*TrackableOrigin.__struct_fields__, "account_id")
_TRANSACTION = (
    "account_id", "request_id", "recorded_at", "author", "note",
    "verb", "kind", "record_id", "name", "before", "after",
)  # fmt: skip


def write_records(changeset: Changeset) -> None:
    """Write parties, products and batches, each after what it refers to."""
    state = changeset.master
    _write("party", state.parties, state)
    _write("product", state.products, state)
    _write("batch", state.batches, state)
    copy(master_transaction, _TRANSACTION, _transactions(changeset))


def write_origins(changeset: Changeset) -> None:
    """Write where trackables come from, once these are written."""
    state, account_id = changeset.master, changeset.account_id
    changed = [state.origin(number) for number in dict.fromkeys(changeset.described)]
    known = state.registered_origins
    known.expect([one.trackable_id for one in changed])
    new = [one for one in changed if known(one.trackable_id) is None]
    copy(origin, _ORIGIN, ((*asdict(one).values(), account_id) for one in new))
    for one in changed:
        if known(one.trackable_id) is not None:
            where = (origin.c.account_id == account_id, origin.c.trackable_id == one.trackable_id)
            db.session.execute(sa.update(origin).where(*where).values(asdict(one)))


def _write(kind: RecordKind, records: Records[R], state: MasterState) -> None:
    """Write the records of a kind: first the new ones, and each as it is after all changes."""
    about = [t for t in state.transactions if t.kind == kind]
    new = {t.record_id for t in about if t.before is None}
    changed = dict.fromkeys(t.record_id for t in about)
    table = records.table.table
    rows = [_values(records, records[n], state.account_id) for n in changed if n in new]
    if rows:
        db.session.execute(sa.insert(table), rows)
    _update(table, [_values(records, records[n], state.account_id) for n in changed.keys() - new])


def _update(table: sa.Table, rows: Collection[dict[str, Any]]) -> None:
    c = table.c
    for values in rows:
        where = (c.account_id == values["account_id"], c.id == values["id"])
        db.session.execute(sa.update(table).where(*where).values(values))


def _values(records: Records[R], record: R, account_id: int) -> dict[str, Any]:
    values = asdict(record)
    if "roles" in values:
        values["roles"] = list(values["roles"])
    keys = zip(records.table.key_columns, records.table.key(record), strict=True)
    return {**values, "account_id": account_id, **dict(keys)}


def _transactions(changeset: Changeset) -> Iterator[tuple[object, ...]]:
    author = changeset.author
    request, now = str(author.request_id), changeset.now.isoformat()
    return (
        (
            changeset.account_id,
            request,
            now,
            author.name,
            item.note,
            item.verb,
            item.kind,
            item.record_id,
            item.name,
            item.before,
            item.after,
        )
        for item in changeset.master.transactions
    )
