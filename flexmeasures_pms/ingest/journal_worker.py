"""The job of a worker: process the journal, in order per lane, until nothing is due.

Many workers may run at once, on many hosts. Each checks again after its last request, so
that no request is left that another worker had to skip.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from flask import current_app
from flexmeasures.data import db

from flexmeasures_pms.config import Settings, settings
from flexmeasures_pms.deadline import within
from flexmeasures_pms.errors import NotHeld, PmsError, RegistryBusy, SchemaError, StillFolded
from flexmeasures_pms.ingest import journal_queue
from flexmeasures_pms.ingest.accept import Origin, read, store
from flexmeasures_pms.ingest.journal import body_of
from flexmeasures_pms.migrations import schema
from flexmeasures_pms.storage.intake import journal
from flexmeasures_pms.storage.intake.journal import Claimed
from flexmeasures_pms.storage.session import DATABASE_ERRORS, abandon, cause

LEASE = timedelta(seconds=15)
"""Time after which the worker of a request counts as dead."""

BATCH = 4
"""Requests, of as many lanes, that are claimed at once."""

SLICE_SECONDS = 0.5
"""How long what was claimed at once is worked on; the rest is given back, so that requests of
other organisations that came meanwhile have their turn."""

SOON = timedelta(seconds=1)
"""A job waits for requests that are due within this time; for later ones another is planned."""

NOT_HELD = timedelta(milliseconds=200)


@dataclass(frozen=True, slots=True)
class Drained:
    """The result of a drain.

    :param stored: requests that were processed.
    :param next_retry: time until the next retry is due; None without any.
    """

    stored: int
    next_retry: timedelta | None


def work() -> int:
    """Process the journal: the job. Return how many requests were processed."""
    # Jobs run in a fork of the worker: its connections must not be used by both.
    db.session.remove()
    db.engine.dispose(close=False)
    journal_queue.job_begins()
    try:
        schema.check(db.session.connection())
        if journal.next_retry() is not None:
            journal_queue.wake_later(LEASE + SOON)  # in case this worker dies
        drained = drain(journal_queue.BUDGET_SECONDS)
    except (SchemaError, *DATABASE_ERRORS) as error:
        abandon()
        current_app.logger.warning("The journal can't be read now: %s", cause(error))
        journal_queue.wake_later(LEASE)
        return 0
    if drained.next_retry is not None:
        journal_queue.wake_later(max(drained.next_retry, SOON))
    return drained.stored


def drain(seconds: float) -> Drained:
    """Process requests that are due now or soon, in order per lane.

    :param seconds: after which no further request is begun.
    """
    found, stored = settings(), 0
    deadline = time.monotonic() + seconds
    while True:
        claimed = journal.claim(BATCH, LEASE)
        db.session.commit()
        if len(claimed) == BATCH:
            journal_queue.wake()  # there may be enough for another worker
        stored += _process_some(claimed, found)
        if not claimed:
            next_retry = journal.next_retry()
            db.session.commit()
            if next_retry is None or next_retry > SOON:
                return Drained(stored, next_retry)
            time.sleep(max(next_retry, NOT_HELD).total_seconds())
        if time.monotonic() > deadline:
            return Drained(stored, timedelta(0))


def _process_some(claimed: Sequence[Claimed], settings: Settings) -> int:
    """Process claimed requests as long as their time lasts; return how many were stored."""
    stored = 0
    until = time.monotonic() + SLICE_SECONDS
    for i, one in enumerate(claimed):
        if i and time.monotonic() > until:
            for rest in claimed[i:]:
                journal.give_back(rest, timedelta(0))
            db.session.commit()
            break
        stored += process(one, settings)
    return stored


def process(claimed: Claimed, settings: Settings) -> bool:
    """Store a claimed request, or record its error; return whether it was stored.

    :raises SQLAlchemyError, psycopg2.Error: when the error can't be recorded. Then it is claimed
        again later.
    """
    if claimed.attempts > settings.journal_attempts:
        journal.set_aside(claimed, None)
        db.session.commit()
        return False
    try:
        with within(journal_queue.attempt_seconds()):
            _store(claimed, settings)
    except NotHeld:
        journal.give_back(claimed, NOT_HELD)
    except (RegistryBusy, StillFolded) as error:
        # It keeps its place, however long that lasts: it was not the request's fault, or each try
        # gets further.
        current_app.logger.warning("Request %s of the journal waits: %s", claimed.id, error)
        journal.give_back(claimed, SOON)
    except Exception as error:
        # No error may stop the requests behind it from being stored.
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
    decoded = read(body_of(claimed), dataset, claimed.content_type, claimed.encoding, settings)
    store(decoded, dataset, f"sha256:{claimed.digest.hex()}", origin, settings, claimed)


def _note(claimed: Claimed, words: str, settings: Settings) -> None:
    if claimed.attempts >= settings.journal_attempts:
        journal.set_aside(claimed, words)
    else:
        wait = min(timedelta(seconds=2 ** min(claimed.attempts - 1, 10)), journal.LONGEST_WAIT)
        journal.give_back(claimed, wait, words)


def _words(error: Exception) -> str:
    """Return the text of an error that the request's owner may see."""
    if isinstance(error, PmsError):
        return str(error)
    name = type(cause(error)).__name__
    return f"It failed with an unexpected error ({name}): see the worker's log."
