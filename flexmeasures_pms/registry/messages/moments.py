"""Times as people give them: with an offset from UTC."""

from __future__ import annotations

from datetime import UTC, datetime

from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry.messages.message import message


def read_moment(text: str) -> datetime:
    """Read a time as ISO 8601 with an offset, in whole milliseconds of UTC.

    :raises RegistryError: if it is none, or has no offset.
    """
    try:
        at = datetime.fromisoformat(text)
        if at.utcoffset() is not None:
            at = at.astimezone(UTC)
            return at.replace(microsecond=at.microsecond // 1000 * 1000)
    except (ValueError, OverflowError) as error:
        problem = message("'{text}' is not a time such as 2026-03-01T12:00:00+07:00.", text=text)
        raise RegistryError(problem) from error
    problem = message(
        "'{text}' has no offset from UTC: write 2026-03-01T12:00:00+07:00, or Z for UTC.",
        text=text,
    )
    raise RegistryError(problem)
