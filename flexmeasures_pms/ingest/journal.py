"""Queue a request for a worker: write it to the journal, and acknowledge it after the commit.

It is refused for the same reasons as a request that is stored at once: unreadable bodies, and
samples that the sender may not send. The receipt has the result for its samples later.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from hashlib import blake2b

import msgspec
from flexmeasures.data import db

from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.config import Settings
from flexmeasures_pms.errors import StorageBusy
from flexmeasures_pms.ingest import journal_queue
from flexmeasures_pms.ingest.accept import Admission, Origin, digest_of, read
from flexmeasures_pms.ingest.limits import devices_of, require_few_devices
from flexmeasures_pms.storage.intake import journal
from flexmeasures_pms.storage.intake.journal import Claimed, Waiting
from flexmeasures_pms.wire import Sample

_RECOUNT = 64
"""Requests of a process and an organisation between two checks of the journal's size."""

_room: dict[int, int] = {}


class KeptRequest(msgspec.Struct, frozen=True):
    """A request in the journal.

    :param id: of its future receipt.
    :param digest: SHA-256 of the body as sent.
    :param samples: how many it has.
    """

    id: int
    digest: str
    samples: int


def keep(
    body: bytes,
    dataset: DatasetName,
    origin: Origin,
    *,
    content_type: str,
    encoding: str,
    settings: Settings,
    admit: Admission,
) -> KeptRequest:
    """Write a request to the journal, commit, and wake the workers.

    Parameters and errors are those of :func:`flexmeasures_pms.ingest.accept.accept`.
    """
    decoded = read(body, dataset, content_type, encoding, settings)
    require_few_devices(decoded, settings)
    admit(decoded)
    _require_room(origin.account_id, settings.max_journal)
    digest = digest_of(body)
    waiting = Waiting(
        account_id=origin.account_id,
        received_at=origin.received_at,
        sender=origin.sender,
        key_id=origin.key_id,
        dataset=dataset,
        content_type=origin.content_type,
        encoding=encoding,
        digest=bytes.fromhex(digest.partition(":")[2]),
        samples=len(decoded.samples),
        lanes=lanes(origin, dataset, decoded.samples),
        body=body if is_packed(encoding) else zlib.compress(body, 1),
    )
    receipt_id = journal.add(waiting)
    db.session.commit()
    journal_queue.wake()
    return KeptRequest(receipt_id, digest, len(decoded.samples))


def body_of(claimed: Claimed) -> bytes:
    """Return the body of a request in the journal as sent."""
    return claimed.body if is_packed(claimed.encoding) else zlib.decompress(claimed.body)


def is_packed(encoding: str) -> bool:
    """Whether a body of a content encoding is compressed."""
    return encoding.strip().lower() not in ("", "identity")


def lanes(origin: Origin, dataset: DatasetName, samples: Sequence[Sample]) -> list[int]:
    """Return the lanes of a request: one for each device, as the request names it.

    Two requests with the same spelling of a device share its lane, for all senders. A
    request without samples is in its sender's lane.
    """
    names = [f"{dataset}:{device}" for device in devices_of(samples)] or [origin.sender]
    return sorted({_number(f"{origin.account_id}:{name}") for name in names})


def _number(name: str) -> int:
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def _require_room(account_id: int, most: int) -> None:
    """Refuse a request if the journal is full.

    Counting takes time, so it is done only once for some requests.

    :raises StorageBusy: when it is full.
    """
    left = _room.get(account_id, 0)
    if left < 1:
        left = min(_RECOUNT, most - journal.count(account_id, most))
    if left < 1:
        raise StorageBusy(
            f"{most} requests of the organisation wait for a worker, or failed. Nothing of this "
            "one was stored. Send it again later. The host can start more workers, and look at "
            "`flexmeasures pms journal`."
        )
    _room[account_id] = left - 1
