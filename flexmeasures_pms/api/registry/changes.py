"""``GET …/registry/changes``: all changes of the registry in order, for programs that follow it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Response
from msgspec import Struct
from sqlalchemy.engine import Row

from flexmeasures_pms.api.failures import reply
from flexmeasures_pms.api.query import number_from, whole_number
from flexmeasures_pms.api.registry.access import readable_registry
from flexmeasures_pms.api.registry.things import LARGEST_NUMBER, LARGEST_PAGE
from flexmeasures_pms.registry.queries.changes import changes

PAGE = 500


class RegistryChange(Struct):
    """One change of the registry.

    :param number: of the change; a later one has a larger number.
    :param recorded_at: when it became known.
    :param effective_at: since when it holds; null if the start is not known.
    :param author: who recorded it.
    :param verb: what happened, such as ``installed``.
    :param kind: of what changed, such as ``case``.
    :param record: number of what changed, among those of its kind; it never changes.
    :param id: of what changed, as registered then; a name where it has no id.
    :param before: what was recorded before; null if nothing was.
    :param after: what is recorded since.
    :param note: why.
    :param request_id: the same for all that one request, command or file has changed.
    :param cause: why, as one of the registry's words for it.
    :param code: of a fault.
    :param person: who did it, where that is not the author.
    :param document: the sender's own number of it.
    :param details: such as findings and measurements.
    """

    number: int
    recorded_at: datetime
    effective_at: datetime | None
    author: str
    verb: str
    kind: str
    record: int
    id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    note: str | None
    request_id: str
    cause: str | None
    code: str | None
    person: str | None
    document: str | None
    details: dict[str, Any] | None


class ChangeList(Struct):
    """Changes of the registry, in the order in which they became known.

    :param next: the ``since`` of the next request.
    :param more: whether there are more already.
    """

    changes: list[RegistryChange]
    next: int
    more: bool


def list_changes() -> Response:
    """Reply with what changed after a number."""
    account_id = readable_registry()
    since = number_from("since", least=0, most=LARGEST_NUMBER) or 0
    limit = whole_number("limit", most=LARGEST_PAGE) or PAGE
    rows = changes(account_id, since, limit + 1)
    found = [_change(row) for row in rows[:limit]]
    return reply(
        200, ChangeList(found, found[-1].number if found else since, len(rows) > len(found))
    )


def _change(row: Row[Any]) -> RegistryChange:
    return RegistryChange(**{**row._mapping, "request_id": str(row.request_id)})
