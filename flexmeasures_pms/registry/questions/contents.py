"""Of which products and batches the things are that a question is about."""

from __future__ import annotations

from flexmeasures.data import db

from flexmeasures_pms.registry.questions.subject import ORIGINS, PRODUCT, AskedThings

_COUNTS = """
    SELECT {group}, count(*) FROM {origins} WHERE {condition} AND {group} IS NOT NULL
    GROUP BY 1"""


def things_by_product(subject: AskedThings) -> dict[int, int]:
    """Return how many things there are of each product, by its number."""
    return _counts(subject, PRODUCT)


def things_by_batch(subject: AskedThings) -> dict[int, int]:
    """Return how many things there are of each batch, by its number."""
    return _counts(subject, "o.batch_id")


def _counts(subject: AskedThings, group: str) -> dict[int, int]:
    cursor = db.session.connection().connection.cursor()
    statement = _COUNTS.format(group=group, origins=ORIGINS, condition=subject.condition())
    cursor.execute(statement, subject.values())
    return dict(cursor.fetchall())
