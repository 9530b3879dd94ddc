"""The timezone in which the times of a whole organisation are shown."""

from __future__ import annotations

from flexmeasures_pms.registry.queries.browse import only_timezone


def site_clock(account_id: int) -> str:
    """Return the timezone of an organisation's sites, or UTC where they have several or none."""
    return only_timezone(account_id) or "UTC"
