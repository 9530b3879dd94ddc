"""Which registered device reports as a data source."""

from __future__ import annotations

from typing import Any

from flexmeasures.data.models.data_sources import DataSource
from sqlalchemy import ColumnElement, FromClause, and_, func

from flexmeasures_pms.identifiers import LOOK_ALIKES, MARKUP

SOURCE_TYPE = "gateway"
"""``DataSource.type`` of what reports telemetry."""


def reports_as_source(device: FromClause) -> ColumnElement[bool]:
    """Return the condition on which a registered device is the one of a ``DataSource``.

    A source has the device's id as plain text. Devices with the same plain text share a
    source: the one registered first is to be taken.

    :param device: the table of trackables, or an alias of it.
    """
    return and_(
        DataSource.type == SOURCE_TYPE,
        device.c.account_id == DataSource.account_id,
        device.c.kind == DataSource.model,
        _plain(device.c.ident) == _plain(DataSource.name),
    )


def _plain(text: Any) -> ColumnElement[str]:
    """Return a text as sources have it, like :func:`~flexmeasures_pms.identifiers.plain`."""
    return func.translate(text, MARKUP, LOOK_ALIKES)
