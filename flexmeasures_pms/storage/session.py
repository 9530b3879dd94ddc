"""The transaction of a request that failed."""

from __future__ import annotations

from flexmeasures.data import db
from sqlalchemy.exc import SQLAlchemyError


def abandon() -> None:
    """Undo the transaction, also where its connection is dead.

    The COPY and its like speak to the driver itself: SQLAlchemy does not see that they
    lost the connection, and finds out only when it wants to roll back.
    """
    try:
        db.session.rollback()
    except SQLAlchemyError:
        db.session().invalidate()
