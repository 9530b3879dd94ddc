"""Writing a changeset: locked, in one go, and only ever adding to what was known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count, islice
from operator import attrgetter

import sqlalchemy as sa
from flexmeasures.data import db
from sqlalchemy.dialects.postgresql import ARRAY, insert

from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry import unpublished
from flexmeasures_pms.registry.directory import ident_key
from flexmeasures_pms.registry.editing import assets, pending
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.editing.changeset import DETAILS, Changeset
from flexmeasures_pms.registry.editing.copying import copy, range_text
from flexmeasures_pms.registry.editing.master_writing import write_origins, write_records
from flexmeasures_pms.registry.editing.numbers import for_record, for_trackables
from flexmeasures_pms.registry.editing.recorded import asked_last, facts_of
from flexmeasures_pms.registry.editing.sites import write_sites
from flexmeasures_pms.registry.editing.waiting import told_if_long
from flexmeasures_pms.registry.kinds import ASSET_KINDS, BOARD
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.registry.tables import (
    alias,
    installation,
    registry_change,
    registry_version,
    trackable,
    transaction,
)
from flexmeasures_pms.registry.timeline import FOREVER, SINCE_EVER, Installation
from flexmeasures_pms.registry.unpublished import Unpublished

# The first of two numbers of the advisory lock: "PMS". The second is the organisation.
LOCK = 0x504D53

# Numbers that a changeset which is only tried takes at once.
_BATCH = 5_000

# What of a trackable can be changed.
_AMENDED = (*DETAILS, "retired_at")
_TRACKABLE = (
    "id", "account_id", "kind", "ident", "ident_key", "created_at", "provisioned", *_AMENDED,
)  # fmt: skip
_ALIAS = ("account_id", "trackable_id", "alias", "alias_key", "created_at")
_INSTALLATION = (
    "account_id", "part_id", "assembly_id", "slot", "place", "valid", "known", "request_id",
)  # fmt: skip
_TRANSACTION = (
    "account_id", "request_id", "recorded_at", "effective_at", "author", "verb", "trackable_id",
    "kind", "ident", "before", "after", "note", "cause", "code", "person", "document", "details",
)  # fmt: skip


@contextmanager
def editing(
    account_id: int,
    author: Author,
    *,
    expected: int = 1,
    numbers: Iterable[int] = (),
    replay: bool = True,
) -> Iterator[Changeset]:
    """Open an organisation's registry for changes, and write them at the end.

    Works in the caller's transaction: nobody else changes this organisation's registry
    until it ends. When it commits, the registry's version is raised. After an error, or of a
    discarded changeset, nothing is written.

    :param expected: about how many new trackables to expect.
    :param numbers: of trackables that the changes are about, read at once with their parts.
    :param replay: whether samples may have waited for the changes.
    """
    with told_if_long():
        lock_registry(account_id)
    now = _now(account_id)
    registered = load_directory(account_id, numbers=numbers, parts=True)
    changeset = Changeset(
        registered,
        author,
        now,
        lambda: for_trackables(expected),
        asked_last,
        for_record,
        facts_of,
    )
    try:
        yield changeset
    except RegistryError as error:
        error.account_id = account_id
        raise
    if changeset.discarded:
        return
    gone = assets.gone(account_id, changeset.again)
    changeset.touched.update(dict.fromkeys(gone))
    if changeset.transactions or changeset.master.transactions or gone:
        _write(changeset)
        publish = partial(_publish, changeset, gone, replay)
        unpublished.add(Unpublished(account_id, changeset.now, publish))


def tried(account_id: int, author: Author) -> Changeset:
    """Return a changeset that is never written, to find out what changes would do.

    Nobody else has to wait for it.
    """
    numbers = count(-1, -1)
    return Changeset(
        load_directory(account_id, parts=True),
        author,
        _now(account_id),
        lambda: islice(numbers, _BATCH),
        asked_last,
        lambda _: next(numbers),
        facts_of,
    )


def lock_registry(account_id: int) -> None:
    """Let nobody else change an organisation's registry until the transaction ends."""
    db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK, account_id)))


def _now(account_id: int) -> datetime:
    # Whole milliseconds, so that what is printed can be asked for again. And no two
    # changes become known at the same moment, whatever the clock does.
    known = (
        sa.select(registry_version.c.changed_at + sa.text("interval '1 millisecond'"))
        .where(registry_version.c.account_id == account_id)
        .scalar_subquery()
    )
    clock = sa.func.date_trunc("milliseconds", sa.func.clock_timestamp())
    moment: datetime = db.session.execute(sa.select(sa.func.greatest(clock, known))).scalar_one()
    own = (change.known + timedelta(milliseconds=1) for change in unpublished.of(account_id))
    return max([moment.astimezone(UTC), *own])


def _write(changeset: Changeset) -> None:
    # First what the others refer to, so that its transactions have the lower numbers.
    write_records(changeset)
    _write_trackables(changeset)
    write_origins(changeset)
    write_sites(changeset)
    _write_aliases(changeset)
    _write_installations(changeset)
    copy(transaction, _TRANSACTION, _transactions(changeset))


def _publish(changeset: Changeset, gone: Collection[int], replay: bool) -> None:
    """Raise the version, and mark what has changed; ``gone`` are to get new assets."""
    assets.let_be_made(gone)
    version = _new_version(changeset)
    _mark(changeset, version)
    kinds = {number: changeset.view.entries[number].kind for number in changeset.touched}
    pending.note(changeset.account_id, kinds, version, changeset.now, replay=replay)


def _new_version(changeset: Changeset) -> int:
    values = {
        "version": sa.func.nextval("pms_registry_version_seq"),
        "changed_at": changeset.now,
    }
    statement = insert(registry_version).values(account_id=changeset.account_id, **values)
    version: int = db.session.execute(
        statement.on_conflict_do_update(index_elements=["account_id"], set_=values).returning(
            registry_version.c.version
        )
    ).scalar_one()
    return version


def _mark(changeset: Changeset, version: int) -> None:
    """Mark what was registered already and has changed, for those who remember it.

    After the version's row is taken: who has read a version has then seen all that is
    marked with that or an earlier one.
    """
    known = sorted(n for n in {*changeset.touched, *changeset.concerned} if not changeset.is_new(n))
    given = sa.func.unnest(sa.literal(known, ARRAY(sa.BigInteger))).column_valued()
    statement = insert(registry_change).from_select(
        ["trackable_id", "account_id", "version"],
        sa.select(given, sa.literal(changeset.account_id), sa.literal(version, sa.BigInteger)),
    )
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["trackable_id"], set_={"version": statement.excluded.version}
        )
    )


def _write_trackables(changeset: Changeset) -> None:
    entries = [changeset.view.entries[n] for n in changeset.touched]
    new = (
        (
            entry.id,
            changeset.account_id,
            entry.kind,
            entry.ident,
            ident_key(entry.kind, entry.ident),
            changeset.now,
            entry.kind not in ASSET_KINDS,
            *(getattr(entry, name) for name in _AMENDED),
        )
        for entry in entries
        if changeset.is_new(entry.id)
    )
    copy(trackable, _TRACKABLE, new)
    for entry in sorted(entries, key=attrgetter("id")):
        if not changeset.is_new(entry.id) and changeset.base.entries[entry.id] != entry:
            details = {name: getattr(entry, name) for name in _AMENDED}
            db.session.execute(
                sa.update(trackable).where(trackable.c.id == entry.id).values(details)
            )


def _write_aliases(changeset: Changeset) -> None:
    boards = (n for n in changeset.touched if changeset.view.entries[n].kind == BOARD)
    rows = (
        (changeset.account_id, number, text, ident_key(BOARD, text), changeset.now)
        for number, known in ((n, _registered_aliases(changeset, n)) for n in boards)
        for text in changeset.view.aliases.get(number, ())
        if text not in known
    )
    copy(alias, _ALIAS, rows)


def _registered_aliases(changeset: Changeset, board_id: int) -> tuple[str, ...]:
    return () if changeset.is_new(board_id) else changeset.base.aliases.get(board_id, ())


def _write_installations(changeset: Changeset) -> None:
    closed: list[int] = []
    new: list[Installation] = []
    for part_id in changeset.touched:
        before, after = changeset.registered_rows(part_id), changeset.rows(part_id)
        kept = set(after)
        closed += [row.id for row in before if row not in kept]
        new += [row for row in after if not row.id]
    if closed:
        c = installation.c
        known = sa.func.tstzrange(sa.func.lower(c.known), changeset.now)
        db.session.execute(
            sa.update(installation)
            .where(c.id == sa.any_(sa.literal(closed, ARRAY(sa.BigInteger))))
            .values(known=known)
        )
    copy(installation, _INSTALLATION, _installation_rows(changeset, new))


def _installation_rows(
    changeset: Changeset, rows: Iterable[Installation]
) -> Iterator[tuple[object, ...]]:
    known, request = range_text(changeset.now, None), str(changeset.author.request_id)
    return (
        (
            changeset.account_id,
            row.part_id,
            row.assembly_id,
            row.slot,
            row.place,
            range_text(_bound(row.begin), _bound(row.end)),
            known,
            request,
        )
        for row in rows
    )


def _bound(moment: datetime) -> datetime | None:
    return None if moment in (SINCE_EVER, FOREVER) else moment


def _transactions(changeset: Changeset) -> Iterator[tuple[object, ...]]:
    request, now = str(changeset.author.request_id), changeset.now.isoformat()
    return (
        (
            changeset.account_id,
            request,
            now,
            _bound(item.effective_at),
            item.author,
            item.verb,
            item.entry.id,
            item.entry.kind,
            item.entry.ident,
            item.before,
            item.after,
            item.note,
            *item.event.columns,
        )
        for item in changeset.transactions
    )
