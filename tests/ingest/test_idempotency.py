"""Whatever the order, the repetition and the cut into requests: the same history."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from support import fuzz, stored
from support.profiles import examples
from support.site import Site
from support.telemetry import NOON, pack_sample, wire_time

URL = "/pms/api/v1/devices/dataset/pms"
PACKS = ["0241", "0242", "0299"]  # the last is unknown
TIMES = [NOON + timedelta(seconds=5 * n) for n in range(3)]

# Each (pack, time) has one reading: nothing contradicts, wherever it comes from.
currents = st.integers(-9000, 9000).map(lambda milliamperes: milliamperes / 1000)
samples = st.lists(
    st.tuples(st.sampled_from(PACKS), st.sampled_from(TIMES), currents),
    unique_by=lambda s: s[:2],
    min_size=1,
    max_size=6,
)


@st.composite
def deliveries(draw: st.DrawFn) -> list[list[list[dict[str, Any]]]]:
    """Draw two ways in which the same samples may come, each a list of requests."""
    drawn = [
        pack_sample(pack, time, amps=amps, dock=None, cell={"volts": [3.6] * 14})
        for pack, time, amps in draw(samples)
    ]
    ways = []
    for _ in range(2):
        repeated = drawn + draw(st.lists(st.sampled_from(drawn), max_size=4))
        order = draw(st.permutations(repeated))
        cuts = sorted(draw(st.sets(st.integers(1, max(1, len(order) - 1)), max_size=3)))
        parts = [order[a:b] for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)]
        ways.append([part for part in parts if part])
    return ways


@pytest.fixture
def sites(make_organisation: Any) -> Iterator[list[tuple[Organisation, Site]]]:
    """Two organisations alike: one for each way."""
    made = []
    for _ in range(2):
        organisation = make_organisation()
        site = Site(organisation.id)
        site.pms()
        site.cases({pack: dock for dock, pack in enumerate(PACKS[:2], start=1)}, "PMS-1-A")
        made.append((organisation, site))
    yield made


def clear(account_id: int) -> None:
    """Take away what an earlier example stored."""
    db.session.execute(
        text(
            "DELETE FROM timed_belief WHERE sensor_id IN (SELECT s.id FROM sensor s "
            "JOIN generic_asset a ON a.id = s.generic_asset_id WHERE a.account_id = :account)"
        ),
        {"account": account_id},
    )
    for table, column in (
        ("pms_latest", "trackable_id"),
        ("pms_sample", "subject_id"),
    ):
        db.session.execute(
            text(
                f"DELETE FROM {table} WHERE {column} IN "
                "(SELECT id FROM pms_trackable WHERE account_id = :account)"
            ),
            {"account": account_id},
        )
    db.session.execute(
        text("DELETE FROM pms_quarantine WHERE account_id = :account"), {"account": account_id}
    )
    db.session.commit()


def rows(account_id: int) -> tuple[Any, set[str]]:
    """All that is known of an organisation: its packs' history, and the texts that wait."""
    beliefs = {pack: stored.filled(account_id, f"case:{pack}") for pack in PACKS[:2]}
    return beliefs, {row.text for row in stored.waiting(account_id)}


@settings(
    max_examples=examples(40),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(ways=deliveries())
def test_order_repetition_and_cuts_make_no_difference(
    sites: list[tuple[Organisation, Site]], client: FlaskClient, ways: Any
) -> None:
    found = []
    for (organisation, _), requests in zip(sites, ways, strict=True):
        clear(organisation.id)
        for part in requests:
            body = json.dumps({"datasets": [{"pms_id": "PMS-1", "data": part}]})
            reply = client.post(
                URL, data=body, headers=organisation.headers, content_type="application/json"
            )
            fuzz.note("samples in any order, over HTTP", reply.status_code)
            assert reply.status_code == 200, reply.get_data(as_text=True)
        found.append(rows(organisation.id))
    assert found[0] == found[1]

    sent = [sample for part in ways[0] for sample in part]
    known = {(s["pack"]["id"], s["time_local"]) for s in sent if s["pack"]["id"] != "0299"}
    beliefs, waiting = found[0]
    there = {(pack, wire_time(time)) for pack, of_pack in beliefs.items() for time, _, _ in of_pack}
    assert there == known
    assert len(waiting) == len({s["time_local"] for s in sent if s["pack"]["id"] == "0299"})
