"""What a worker does: process the journal, in order per lane, until nothing is due.

Many may do so at once, on many hosts. Each looks again after its last request, so that
nothing stays behind that another one had to leave to it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta

from flask import current_app
from flexmeasures.data import db
from sqlalchemy.exc import DBAPIError

from flexmeasures_pms.config import Settings, settings
from flexmeasures_pms.errors import NotHeld, PmsError
from flexmeasures_pms.ingest import journal_queue
from flexmeasures_pms.ingest.accept import Origin, read, store
from flexmeasures_pms.ingest.journal import body_of
from flexmeasures_pms.storage.intake import journal
from flexmeasures_pms.storage.intake.journal import Claimed
from flexmeasures_pms.storage.session import abandon

LEASE = timedelta(seconds=15)
"""After which a request is taken for one whose worker died."""

BATCH = 4
"""Requests, of as many lanes, that are claimed at once."""

BUDGET_SECONDS = 60.0
"""How long a job goes on, well within its timeout; then another one takes over."""

SOON = timedelta(seconds=1)
"""For what is due as soon as this a job waits; for the rest another one is planned."""

NOT_HELD = timedelta(milliseconds=200)
LONGEST_WAIT = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Drained:
    """What a drain did.

    :param stored: requests that were processed.
    :param next_retry: how long until one is due that waits for its time; None without any.
    """

    stored: int
    next_retry: timedelta | None


def work() -> int:
    """Process the journal: the job. Return how many requests were processed."""
    # Jobs run in a fork of the worker: what it opened must not be used by both.
    db.session.remove()
    db.engine.dispose(close=False)
    journal_queue.job_begins()
    try:
        if journal.next_retry() is not None:
            journal_queue.wake_later(LEASE + SOON)  # should this worker die
        drained = drain(BUDGET_SECONDS)
    except DBAPIError as error:
        abandon()
        current_app.logger.warning("The journal can't be read just now: %s", error.orig)
        journal_queue.wake_later(LEASE)
        return 0
    if drained.next_retry is not None:
        journal_queue.wake_later(max(drained.next_retry, SOON))
    return drained.stored


def drain(seconds: float) -> Drained:
    """Process what is due, and what is due soon after, in order per lane.

    :param seconds: after which no more is begun.
    """
    found, stored = settings(), 0
    deadline = time.monotonic() + seconds
    while True:
        claimed = journal.claim(BATCH, LEASE)
        db.session.commit()
        if len(claimed) == BATCH:
            journal_queue.wake()  # there may be enough for another worker
        for one in claimed:
            stored += process(one, found)
        if not claimed:
            next_retry = journal.next_retry()
            db.session.commit()
            if next_retry is None or next_retry > SOON:
                return Drained(stored, next_retry)
            time.sleep(max(next_retry, NOT_HELD).total_seconds())
        if time.monotonic() > deadline:
            return Drained(stored, timedelta(0))


def process(claimed: Claimed, settings: Settings) -> bool:
    """Store a claimed request, or note why it could not be; tell whether it was stored.

    :raises DBAPIError: when even that could not be noted. Then it is claimed again later.
    """
    if claimed.attempts > settings.journal_attempts:
        journal.set_aside(claimed, None)
        db.session.commit()
        return False
    try:
        _store(claimed, settings)
    except NotHeld:
        journal.give_back(claimed, NOT_HELD)
    except Exception as error:
        # Whatever it is, it must not keep what waits behind from being stored.
        abandon()
        current_app.logger.exception("Request %s of the journal could not be stored.", claimed.id)
        _note(claimed, _words(error), settings)
    else:
        return True
    db.session.commit()
    return False


def _store(claimed: Claimed, settings: Settings) -> None:
    dataset = claimed.dataset
    origin = Origin(
        account_id=claimed.account_id,
        sender=claimed.sender,
        content_type=claimed.content_type,
        received_at=claimed.received_at,
        key_id=claimed.key_id,
    )
    decoded = read(body_of(claimed), dataset, origin, claimed.encoding, settings)
    store(decoded, dataset, f"sha256:{claimed.digest.hex()}", origin, settings, claimed)


def _note(claimed: Claimed, words: str, settings: Settings) -> None:
    if claimed.attempts >= settings.journal_attempts:
        journal.set_aside(claimed, words)
    else:
        wait = min(timedelta(seconds=2 ** min(claimed.attempts - 1, 10)), LONGEST_WAIT)
        journal.give_back(claimed, wait, words)


def _words(error: Exception) -> str:
    """Return what may be told of an error to whom the request belongs."""
    if isinstance(error, PmsError):
        return str(error)
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    name = type(cause).__name__
    return f"It failed in a way that nobody foresaw ({name}): the worker's log has more."
