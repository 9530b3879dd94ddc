"""Carry a transaction through, however others come between.

What it needs and lacks is made in transactions of their own, before anything is locked. What
was overtaken by a change of the registry is rolled back and done again, from reading the
registry on.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from flask import current_app
from flexmeasures.data import db
from psycopg2.errors import (
    DeadlockDetected,
    ForeignKeyViolation,
    SerializationFailure,
    UniqueViolation,
)
from sqlalchemy.exc import DBAPIError

from flexmeasures_pms.errors import RegistryBusy
from flexmeasures_pms.storage.readings.beliefs import Gone
from flexmeasures_pms.storage.session import abandon

# Something in a cache is gone, or two writers conflicted: a second try reads everything
# again.
_WORTH_A_SECOND_TRY = (
    ForeignKeyViolation, UniqueViolation, Gone, DeadlockDetected, SerializationFailure,
)  # fmt: skip

TRIES = 8
"""How often a transaction is begun; what changes faster is too busy."""

FREE_TRIES = 3
"""After so many the registry may not change any more during a try."""

_PAUSE_SECONDS = 0.02

T = TypeVar("T")


class Overtaken(Exception):
    """What a transaction has read of the registry is no longer so."""


class NotReady(Exception):
    """A transaction needs something that is to be made first.

    :param make: makes it, and commits.
    """

    def __init__(self, make: Callable[[], None]) -> None:
        """Keep how it is made."""
        super().__init__("Something has to be made first.")
        self.make = make


def carry_through(attempt: Callable[[bool], T]) -> T:
    """Run a transaction, from its begin to its commit, until it was carried through.

    :param attempt: gets whether it is to lock the registry first, so that nobody changes it:
        so a registry that changes all the time does not keep a request out.
    :raises RegistryBusy: when it was overtaken each time.
    """
    conflicts = overtaken = 0
    make: Callable[[], None] | None = None
    for number in range(TRIES):
        try:
            with _undone_on_failure():
                # What can't be made because others make it too is asked for again.
                missing, make = make, None
                if missing is not None:
                    missing()
                return attempt(overtaken >= FREE_TRIES)
        except NotReady as needed:
            make = needed.make
        except Overtaken:
            overtaken += 1
            time.sleep(random.uniform(0, _PAUSE_SECONDS * number))  # noqa: S311
        except (*_WORTH_A_SECOND_TRY, DBAPIError) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if conflicts or not isinstance(cause, _WORTH_A_SECOND_TRY):
                raise
            conflicts += 1
            current_app.logger.warning(
                "A transaction is done again after a %s.", type(cause).__name__
            )
    raise RegistryBusy(
        "The registry kept changing while this was stored, or what it needs could not be made; "
        "nothing of it was stored. Send it again later."
    )


@contextmanager
def _undone_on_failure() -> Iterator[None]:
    try:
        yield
    except (NotReady, Overtaken):
        # What is remembered is still so: nothing of it was made in this transaction.
        db.session.rollback()
        raise
    except BaseException:
        abandon()
        raise
