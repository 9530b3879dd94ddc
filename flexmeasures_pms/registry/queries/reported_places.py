"""Places of packs that the registry has because a PMS reported them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import NamedTuple

import sqlalchemy as sa
from flexmeasures.data import db

from flexmeasures_pms.registry.tables import installation, trackable, transaction


class ReportedPlace(NamedTuple):
    """A case that is believed to be somewhere since a time, for a PMS reported it from there."""

    case: str
    since: datetime


def reported_places(
    account_id: int,
    case_ids: Collection[int],
    begin: datetime,
    end: datetime,
    device: str | None,
) -> list[ReportedPlace]:
    """Return where cases are said to be since a time of a period, in order of time.

    :param end: not included.
    :param device: id of the PMS that reported; None for any.
    """
    place, said, case = installation.c, transaction.c, trackable.c
    since = sa.func.lower(place.valid)
    by_report = sa.and_(
        said.request_id == place.request_id,
        said.trackable_id == place.part_id,
        said.effective_at == since,
        said.author.startswith("device:") if device is None else said.author == f"device:{device}",
    )
    query = (
        sa.select(case.ident, since)
        .select_from(installation)
        .join(transaction, by_report)
        .join(trackable, case.id == place.part_id)
        .where(place.account_id == account_id, place.part_id.in_(case_ids))
        .where(sa.func.upper_inf(place.known), since >= begin, since < end)
        .distinct()
        .order_by(since, case.ident)
    )
    return [ReportedPlace(ident, at.astimezone(UTC)) for ident, at in db.session.execute(query)]
