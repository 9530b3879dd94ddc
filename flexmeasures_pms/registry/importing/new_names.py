"""Of which kinds others register ids while a registry file is imported batch by batch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from flexmeasures.data import db
from sqlalchemy.dialects.postgresql import array

from flexmeasures_pms.registry.tables import registry_version, transaction
from flexmeasures_pms.registry.timeline import SINCE_EVER


@dataclass(frozen=True, slots=True)
class NewNames:
    """Of which kinds others have registered ids since a file was compared with the registry.

    :param until: up to which change of the registry that is known.
    """

    until: datetime = SINCE_EVER
    kinds: frozenset[str] = frozenset()


def no_new_names(account_id: int) -> NewNames:
    """Return that there are none up to now."""
    c = registry_version.c
    changed_at = db.session.scalar(sa.select(c.changed_at).where(c.account_id == account_id))
    return NewNames(changed_at or SINCE_EVER)


def with_newer(account_id: int, names: NewNames) -> NewNames:
    """Add the kinds of which ids or aliases have become known since then."""
    c = transaction.c
    named = c.after.has_any(array(["ident", "aliases"]))
    newer = sa.select(c.kind).distinct().where(
        c.account_id == account_id, c.recorded_at > names.until, named
    )  # fmt: skip
    return NewNames(names.until, names.kinds.union(db.session.scalars(newer)))
