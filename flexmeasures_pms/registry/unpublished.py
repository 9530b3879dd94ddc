"""Changes of the registry that a transaction has made, and will publish when it commits.

The version of an organisation's registry is the last that a transaction writes: requests wait
for whoever has written it, so nothing may be waited for after it. Whoever commits need not
think of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db
from sqlalchemy.orm import Session

_KEY = "pms_unpublished"


@dataclass(frozen=True, slots=True)
class Unpublished:
    """A change of an organisation's registry.

    :param known: when it becomes known.
    :param publish: raises the version and marks what has changed.
    """

    account_id: int
    known: datetime
    publish: Callable[[], None]


def add(change: Unpublished) -> None:
    """Publish a change just before this transaction commits."""
    db.session.info.setdefault(_KEY, []).append(change)


def of(account_id: int) -> list[Unpublished]:
    """Return an organisation's changes that this transaction has made."""
    return [c for c in db.session.info.get(_KEY, ()) if c.account_id == account_id]


def _before_commit(session: Session) -> None:
    if not session.in_nested_transaction():
        if changes := session.info.pop(_KEY, ()):
            session.flush()  # or it would come after
        for change in changes:
            change.publish()


def _after_end(session: Session, transaction: Any) -> None:
    if transaction.parent is None:
        session.info.pop(_KEY, None)


sa.event.listen(db.session, "before_commit", _before_commit)
sa.event.listen(db.session, "after_transaction_end", _after_end)
