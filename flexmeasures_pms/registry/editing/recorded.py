"""What is recorded of a thing besides its entry in the directory."""

from __future__ import annotations

import sqlalchemy as sa
from flexmeasures.data import db

from flexmeasures_pms.registry.editing.change import OrderAsked
from flexmeasures_pms.registry.master_tables import site
from flexmeasures_pms.registry.queries.sites import SiteFacts
from flexmeasures_pms.registry.tables import transaction


def asked_last(trackable_id: int) -> OrderAsked | None:
    """Return what the order said that placed a thing last, where its transaction keeps it."""
    t = transaction.c
    placed = sa.or_(t.before.has_key("installations"), t.after.has_key("installations"))
    query = sa.select(t.after["asked"]).where(t.trackable_id == trackable_id, placed)
    asked: OrderAsked | None = db.session.scalar(query.order_by(t.id.desc()).limit(1))
    return asked


def facts_of(trackable_id: int) -> SiteFacts | None:
    """Return what is registered of a site, by its number."""
    c = site.c
    query = sa.select(c.address, c.contact).where(c.trackable_id == trackable_id)
    row = db.session.execute(query).one_or_none()
    return None if row is None else SiteFacts(*row)
