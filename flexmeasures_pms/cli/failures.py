"""What a command fails with, as one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from redis.exceptions import RedisError
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError

from flexmeasures_pms.cli.text import failure
from flexmeasures_pms.entry import Interrupted
from flexmeasures_pms.errors import PmsError
from flexmeasures_pms.storage.session import DATABASE_ERRORS, abandon, cause, is_lost

_CAUSES = (PmsError, RedisError, OSError, *DATABASE_ERRORS)


@contextmanager
def in_one_line() -> Iterator[None]:
    """Roll back after a failure, and say in one line what it was.

    :raises click.ClickException: with that line. Faults of the code stay what they are.
    """
    try:
        yield
    except (KeyboardInterrupt, EOFError, click.Abort) as error:
        abandon()
        raise _cut_off(error) from None
    except BrokenPipeError:  # who reads the output has enough of it: Click ends quietly
        abandon()
        raise
    except _CAUSES as error:
        message = _why(error)
        abandon()
        if not message:
            raise
        raise click.ClickException(" ".join(message.split())) from None


def _cut_off(error: BaseException) -> click.ClickException:
    if isinstance(error, KeyboardInterrupt):
        return Interrupted("Interrupted. What was not finished is rolled back.")
    return click.ClickException("Nobody answered: what was not finished is rolled back.")


def _why(error: Exception) -> str:
    """Return what happened and why, or nothing if only a fault of the code can be the cause."""
    if isinstance(error, PmsError):
        return failure(error)
    if isinstance(error, RedisError):
        return f"Redis is not available: {error}"
    return _of_file(error) if isinstance(error, OSError) else _of_database(error)


def _of_database(error: Exception) -> str:
    if isinstance(error, IntegrityError | DataError):
        return f"The database refuses the change: {_first_line(error.orig)}"
    if is_lost(error):
        return f"The database is not available: {cause(error)}"
    if isinstance(error, ProgrammingError) and getattr(error.orig, "pgcode", "") in _NO_TABLES:
        return f"The tables are not complete: {_first_line(error.orig)}. {_UPGRADE}"
    return ""


_NO_TABLES = ("42P01", "42703")
_UPGRADE = "Run `flexmeasures db upgrade`, then `flexmeasures pms db upgrade`."


def _first_line(error: object) -> str:
    return str(error).split("\n", 1)[0]


def _of_file(error: OSError) -> str:
    what = error.strerror or str(error)
    return f"{error.filename}: {what}." if error.filename else f"{what}."
