"""Query parameters of a URL."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import request
from werkzeug.exceptions import BadRequest

from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry.messages.moments import (
    PAST,
    QUERIES,
    MomentRange,
    accepted,
    read_moment,
)


def whole_number(name: str, *, most: int) -> int | None:
    """Return a parameter that is a number from 1 to ``most``, or None if it is missing.

    :raises BadRequest: for anything else.
    """
    return number_from(name, least=1, most=most)


def number_from(name: str, *, least: int, most: int) -> int | None:
    """Return a parameter that is a number from ``least`` to ``most``, or None if it is missing.

    :raises BadRequest: for anything else.
    """
    text = request.args.get(name, "")
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most:
        return int(text)
    raise BadRequest(f"The parameter {name} is a whole number from {least} to {most}.")


def moment(name: str) -> datetime | None:
    """Return a parameter that is a time with an offset, at the latest now; None if it is missing.

    :raises BadRequest: for anything else, and for years that no period has.
    """
    at = _moment(name, QUERIES)
    return at and min(at, datetime.now(UTC))


def past_moment(name: str) -> datetime | None:
    """Return a parameter that is a time with an offset, and not later than now; None if missing.

    :raises BadRequest: for anything else.
    """
    at = _moment(name, PAST)
    return at and min(at, datetime.now(UTC))


def _moment(name: str, among: MomentRange) -> datetime | None:
    # A plus sign in a URL means a space, and is often sent unescaped.
    text = request.args.get(name, "").replace(" ", "+")
    try:
        return accepted(read_moment(text), among) if text else None
    except RegistryError as error:
        raise BadRequest(f"The parameter {name}: {error}") from error
