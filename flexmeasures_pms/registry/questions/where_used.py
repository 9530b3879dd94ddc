"""Where the things of a product, batch or supplier are: the list for a recall."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from flexmeasures.data import db

from flexmeasures_pms.registry.questions.subject import (
    MADE_ON,
    ORIGINS,
    PRODUCT,
    SUPPLIER,
    AskedThings,
)

DEEPEST = 8
"""Levels that are looked at upwards: a board is in a case, in a cabinet, in a PMS, in a site."""

# Upwards from each thing. What is known now has an index of its own.
_PLACES = """
    WITH RECURSIVE thing AS MATERIALIZED (
      SELECT o.trackable_id AS id FROM {origins} WHERE {condition} {registered}
      {after} ORDER BY o.trackable_id {limit}
    ), up AS (
      SELECT id AS thing, id AS part, 0 AS depth, NULL::text AS slot, NULL::int AS place,
        NULL::timestamptz AS since
      FROM thing
      UNION ALL
      SELECT u.thing, i.assembly_id, u.depth + 1, i.slot, i.place, lower(i.valid)
      FROM up u JOIN pms_installation i ON i.part_id = u.part AND {known}
        AND i.valid @> %(at)s::timestamptz
      WHERE u.depth < {deepest}
    ), place AS (
      SELECT u.thing,
        max(t.ident) FILTER (WHERE t.kind = 'case') AS case_id,
        max(u.place) FILTER (WHERE u.slot = 'dock') AS dock,
        max(t.ident) FILTER (WHERE t.kind = 'cabinet') AS cabinet,
        max(t.ident) FILTER (WHERE t.kind = 'pms') AS pms,
        max(t.id) FILTER (WHERE t.kind = 'site') AS site_id,
        max(u.since) FILTER (WHERE u.depth = 1) AS since,
        max(u.depth) AS depth
      FROM up u JOIN pms_trackable t ON t.id = u.part GROUP BY u.thing
    )"""
_REGISTERED = """AND EXISTS (
        SELECT FROM pms_trackable r WHERE r.id = o.trackable_id AND r.created_at <= %(known_at)s)"""
_WHERE = """
    {places}
    SELECT t.id, t.kind, t.ident, o.serial, p.vendor, p.model, p.revision, b.lot, s.name,
      {made}, o.warranty_until, w.case_id, w.dock, w.cabinet, w.pms, site.ident, c.name,
      ps.contact, ps.address, w.since, w.depth > 0,
      t.retired_at IS NOT NULL AND t.retired_at <= %(at)s
    FROM place w
    JOIN pms_trackable t ON t.id = w.thing
    JOIN pms_origin o ON o.trackable_id = w.thing
    LEFT JOIN pms_batch b ON b.id = o.batch_id
    LEFT JOIN pms_product p ON p.id = {product}
    LEFT JOIN pms_party s ON s.id = {supplier}
    LEFT JOIN pms_trackable site ON site.id = w.site_id
    LEFT JOIN pms_site ps ON ps.trackable_id = w.site_id
    LEFT JOIN pms_party c ON c.id = ps.customer_id
    ORDER BY t.id"""
_COUNT = "SELECT count(*) FROM {origins} WHERE {condition}"


@dataclass(frozen=True, slots=True)
class UsedThing:
    """A thing, where it comes from, and where it was at a moment; None for what is not known.

    :param supplier: its own, or that of its batch; ``made_on`` likewise.
    :param dock: of its cabinet.
    :param since: since when it has been in its place; None also without a known start.
    :param is_installed: whether it is in anything.
    """

    id: int
    kind: str
    ident: str
    serial: str | None
    vendor: str | None
    model: str | None
    revision: str | None
    lot: str | None
    supplier: str | None
    made_on: date | None
    warranty_until: date | None
    case: str | None
    dock: int | None
    cabinet: str | None
    pms: str | None
    site: str | None
    customer: str | None
    contact: str | None
    address: str | None
    since: datetime | None
    is_installed: bool
    is_retired: bool


def where_used(
    subject: AskedThings,
    at: datetime,
    known_at: datetime | None = None,
    *,
    after: int = 0,
    most: int | None = None,
) -> Iterator[UsedThing]:
    """Yield the things that a question is about with their places at a moment.

    :param known_at: as things and places were known at that time; None for as they are known now.
        Which product, batch and supplier a thing has is as known now.
    :param after: only those with a higher number: to go on after the last one.
    :param most: how many; None for all.
    """
    places = places_sql(
        subject,
        known_at,
        after="AND o.trackable_id > %(after)s",
        limit="" if most is None else "LIMIT %(most)s",
    )
    statement = _WHERE.format(places=places, made=MADE_ON, supplier=SUPPLIER, product=PRODUCT)
    values = {"at": at, "known_at": known_at, "after": after, "most": most}
    cursor = db.session.connection().connection.cursor()
    cursor.execute(statement, subject.values() | values)
    return (UsedThing(*row) for row in cursor)


def places_sql(
    subject: AskedThings, known_at: datetime | None, *, after: str = "", limit: str = ""
) -> str:
    """Return SQL that makes the rows ``place``: where each thing of a subject was."""
    return _PLACES.format(
        origins=ORIGINS,
        condition=subject.condition(),
        registered="" if known_at is None else _REGISTERED,
        after=after,
        limit=limit,
        known="upper_inf(i.known)" if known_at is None else "i.known @> %(known_at)s::timestamptz",
        deepest=DEEPEST,
    )


def count_of(subject: AskedThings) -> int:
    """Return how many things a question is about."""
    cursor = db.session.connection().connection.cursor()
    cursor.execute(_COUNT.format(origins=ORIGINS, condition=subject.condition()), subject.values())
    ((found,),) = cursor
    return int(found)
