"""What the texts of samples in quarantine have in common, kept once.

A gateway sends its id and status once for thousands of samples, a file its header. Each sample in
quarantine is a request of its own, whose text begins with that: :data:`WHOLE_TEXT` puts the two
together again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from hashlib import sha256

from flexmeasures.data import db
from sqlalchemy import any_, delete, exists, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, insert

from flexmeasures_pms.errors import StorageBusy
from flexmeasures_pms.storage.tables import quarantine, quarantine_head

SHORTEST = 256
"""Bytes of a head that is worth a row of its own."""

_TRIES = 3
_h = quarantine_head.c

_head = select(_h.text).where(_h.id == quarantine.c.head_id).scalar_subquery()
WHOLE_TEXT = (func.coalesce(_head, "") + quarantine.c.text).label("text")
"""The text of a sample as a separate request body."""

COLUMNS = (*(c for c in quarantine.c if c.name not in ("text", "head_id")), WHOLE_TEXT)
"""What is known of a sample in quarantine."""


def digest_of(head: str) -> bytes:
    """Return what a head is found by."""
    return sha256(head.encode("utf-8", "surrogatepass")).digest()


def kept(account_id: int, digests: Collection[bytes]) -> dict[bytes, int]:
    """Return the numbers of the heads that are there, which stay until the transaction ends."""
    if not digests:
        return {}
    query = (
        select(_h.digest, _h.id)
        .where(_h.account_id == account_id)
        .where(_h.digest == any_(literal(sorted(digests), ARRAY(BYTEA))))
        .order_by(_h.digest)
        .with_for_update(read=True, key_share=True)
    )
    return {bytes(digest): number for digest, number in db.session.execute(query)}


def keep(account_id: int, heads: Mapping[bytes, str]) -> dict[bytes, int]:
    """Keep heads, each once, and return their numbers by digest.

    :raises StorageBusy: if others remove them as fast.
    """
    found = kept(account_id, heads)
    for _ in range(_TRIES):
        missing = sorted(heads.keys() - found.keys())
        if not missing:
            return found
        rows = [{"account_id": account_id, "digest": d, "text": heads[d]} for d in missing]
        db.session.execute(insert(quarantine_head).on_conflict_do_nothing(), rows)
        found = kept(account_id, heads)
    if found.keys() != heads.keys():
        raise StorageBusy("The quarantine changes too fast. Send the request again.")
    return found


def unused(most: int) -> list[int]:
    """Return some heads that no sample in quarantine has, of any organisation."""
    query = select(_h.id).where(~exists().where(quarantine.c.head_id == _h.id)).limit(most)
    return list(db.session.scalars(query))


def remove_unused(numbers: Iterable[int]) -> None:
    """Remove the heads that no sample in quarantine has any more.

    In a transaction of its own, which waits for nothing else.
    """
    ids = sorted(set(numbers))
    if not ids:
        return
    # Whoever keeps a sample of one holds it: its row is there when this goes on.
    db.session.execute(select(_h.id).where(_h.id.in_(ids)).order_by(_h.digest).with_for_update())
    used = exists().where(quarantine.c.head_id == _h.id)
    db.session.execute(delete(quarantine_head).where(_h.id.in_(ids), ~used))
