"""``python -m benchmarks.questions``: where used and swap rates of 1,000 PMSes with 861,000 things.

The things are written by SQL: importing them is measured by ``benchmarks.registry``.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from sqlalchemy import text

from benchmarks.platform import platform_under_test
from flexmeasures_pms.simulator import fleet_layout

PMSES, CABINETS, CASES = 1_000, 4, 48
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROUNDS = 5

# Numbers of things: a thing's kind and place follow from its number, so that rows need no look-up.
_FILL = """
    CREATE TEMP TABLE made AS
    WITH pms AS (SELECT p FROM generate_series(1, {pmses}) p)
    SELECT row_number() OVER () + 1000 AS id, x.* FROM (
      SELECT 'pms' AS kind, 'P' || p AS ident, NULL AS into_, NULL AS slot, NULL::int AS place
      FROM pms
      UNION ALL
      SELECT 'cabinet', 'P' || p || '-C' || c, 'P' || p, 'cabinet', c
      FROM pms, generate_series(1, {cabinets}) c
      UNION ALL
      SELECT 'case', 'P' || p || '-K' || k, 'P' || p || '-C' || (k - 1) / 12 + 1, 'dock',
        (k - 1) % 12 + 1
      FROM pms, generate_series(1, {cases}) k
      UNION ALL
      SELECT 'acquisition-board', 'P' || p || '-B' || k, 'P' || p || '-K' || k,
        'acquisition-board', 1
      FROM pms, generate_series(1, {cases}) k
      UNION ALL
      SELECT 'fet-board', 'P' || p || '-F' || k, 'P' || p || '-K' || k, 'fet-board', 1
      FROM pms, generate_series(1, {cases}) k
      UNION ALL
      SELECT 'cell-block', 'P' || p || '-K' || k || '-' || n, 'P' || p || '-K' || k, 'cell-block', n
      FROM pms, generate_series(1, {cases}) k, generate_series(1, 14) n
      UNION ALL
      SELECT 'acquisition-board', 'P' || p || '-S' || k, NULL, NULL, NULL
      FROM pms, generate_series(1, 12) k
    ) x;
    CREATE UNIQUE INDEX ON made (ident);
    INSERT INTO pms_trackable (id, account_id, kind, ident, ident_key, created_at)
    SELECT id, {account}, kind, ident, lower(ident), '2024-01-01' FROM made;
    INSERT INTO pms_installation
      (account_id, part_id, assembly_id, slot, place, valid, known, request_id)
    SELECT {account}, m.id, a.id, m.slot, m.place,
      CASE WHEN m.kind = 'acquisition-board' AND m.id % 10 = 0
        THEN tstzrange('2024-01-01', '2025-03-01') ELSE tstzrange('2024-01-01', NULL) END,
      tstzrange('2024-01-01', NULL), gen_random_uuid()
    FROM made m JOIN made a ON a.ident = m.into_;
    INSERT INTO pms_transaction
      (account_id, request_id, recorded_at, effective_at, author, verb, trackable_id, kind, ident,
       cause)
    SELECT {account}, gen_random_uuid(), '2025-03-01', '2025-03-01', 'bench', 'swapped', id, kind,
      ident, 'fault'
    FROM made WHERE kind = 'acquisition-board' AND into_ IS NOT NULL AND id % 10 = 0;
    INSERT INTO pms_party (id, account_id, name, name_key, roles)
      VALUES (1, {account}, 'Supplier', 'supplier', '{{supplier}}');
    INSERT INTO pms_product (id, account_id, kind, vendor, model, key)
    SELECT n, {account}, k, 'Vendor', k, 'vendor ' || k
    FROM unnest(ARRAY['case', 'acquisition-board', 'fet-board', 'cell-block'])
      WITH ORDINALITY u (k, n);
    INSERT INTO pms_batch (id, account_id, product_id, lot, lot_key, supplier_id)
    SELECT p.id * 100 + b, {account}, p.id, 'L' || b, 'l' || b, 1
    FROM pms_product p, generate_series(0, 9) b;
    INSERT INTO pms_origin (trackable_id, account_id, batch_id, serial)
    SELECT m.id, {account}, p.id * 100 + m.id % 10, 'S' || m.id
    FROM made m JOIN pms_product p ON p.kind = m.kind;
    ANALYZE pms_trackable, pms_installation, pms_transaction, pms_origin, pms_batch, pms_product"""


@click.command()
@click.option("--pmses", default=PMSES, show_default=True)
def main(pmses: int) -> None:
    """Measure the questions about products, batches and suppliers."""
    from flexmeasures.data import db

    from flexmeasures_pms.registry.questions.lifetimes import survival
    from flexmeasures_pms.registry.questions.subject import AskedThings
    from flexmeasures_pms.registry.questions.swap_rates import swap_rates
    from flexmeasures_pms.registry.questions.warranty import ending
    from flexmeasures_pms.registry.questions.where_used import count_of, where_used

    with platform_under_test(fleet_layout(1, 1, 4)) as found, found.app.app_context():
        account = found.account_id
        values = {"pmses": pmses, "cabinets": CABINETS, "cases": CASES, "account": account}
        db.session.execute(text(_FILL.format(**values).replace(":", "\\:")))
        db.session.commit()
        things = db.session.scalar(text("SELECT count(*) FROM pms_trackable"))
        click.echo(f"{things:,} things")
        board = "acquisition-board"
        own = AskedThings(account)
        serial = AskedThings(account, serial="S5004")
        bad, product = AskedThings(account, batch_id=200), AskedThings(account, product_id=2)
        supplier = AskedThings(account, supplier_id=1)
        today, year = NOW.date(), timedelta(days=365)
        questions: list[tuple[str, Callable[[], list[Any]]]] = [
            (f"where used: a batch of {count_of(bad):,}", lambda: list(where_used(bad, NOW))),
            ("where used: 500 of a product", lambda: list(where_used(product, NOW, most=500))),
            ("where used: 500 of a supplier", lambda: list(where_used(supplier, NOW, most=500))),
            ("how many are of a supplier", lambda: [count_of(supplier)]),
            ("where used: a serial", lambda: list(where_used(serial, NOW))),
            ("swap rates of boards by batch", lambda: swap_rates(own, board, "batch", NOW)),
            ("swap rates of cell blocks", lambda: swap_rates(own, "cell-block", "batch", NOW)),
            ("lifetimes of boards", lambda: [survival(product, board, NOW)]),
            ("warranty of a year", lambda: list(ending(own, today, today + year, 500))),
        ]
        for name, work in questions:
            _measure(name, work)


def _measure(name: str, work: Callable[[], Iterable[Any]]) -> None:
    taken, rows = [], 0
    for _ in range(ROUNDS + 1):
        begin = time.perf_counter()
        rows = len(list(work()))
        taken.append((time.perf_counter() - begin) * 1000)
    click.echo(f"{name:<40}{statistics.median(taken[1:]):>9,.0f} ms{rows:>9,} rows")


if __name__ == "__main__":
    main()
