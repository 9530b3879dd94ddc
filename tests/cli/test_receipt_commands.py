"""``flexmeasures pms receipts``."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import Result
from conftest import Organisation
from flexmeasures.data import db
from support import stored
from support.site import Site
from support.telemetry import at, pack_sample, request

from flexmeasures_pms.storage.tables import receipt

Command = Callable[..., Result]


@pytest.fixture
def sent(pms: Command, organisation: Organisation, tmp_path: Path) -> list[str]:
    """Two files of an organisation's, taken in one after the other."""
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("0241", "PMS-1-A", 1)
    names = ["a.json", "b.json"]
    for minute, name in enumerate(names):
        file = tmp_path / name
        file.write_text(request({"pms_id": "PMS-1"}, pack_sample("0241", at(minute))))
        pms("ingest", file, "--account", organisation.id)
    return names


def test_receipts_are_listed_newest_first(
    pms: Command, sent: list[str], organisation: Organisation, other_organisation: Organisation
) -> None:
    account = ("--account", organisation.id)
    found = json.loads(pms("receipts", "list", *account, "--json").stdout)
    assert [row["sender"] for row in found] == ["file:b.json", "file:a.json"]
    assert [row["stored"] for row in found] == [1, 1]
    text = pms("receipts", "list", *account, "--limit", 1).output
    first, second, more = text.splitlines()
    assert first.endswith(f"+07:00  {organisation.id}  file:b.json  pms")
    assert second.startswith("  1 sample: 1 stored, 1 late, in ")
    assert more == "… and older ones: --limit shows more."
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert "in this time" in pms("receipts", "list", *account, "--since", soon).output
    assert pms("receipts", "list", "--account", other_organisation.id).output == (
        "No request was accepted.\n"
    )


def test_old_receipts_are_purged_and_telemetry_is_left_alone(
    pms: Command, sent: list[str], organisation: Organisation
) -> None:
    old = datetime.now(UTC) - timedelta(days=40)
    db.session.execute(
        sa.update(receipt)
        .where(receipt.c.account_id == organisation.id, receipt.c.sender == "file:a.json")
        .values(received_at=old)
    )
    before = stored.belief_count(organisation.id)

    assert "older than 50 days." in pms("receipts", "purge", "--days", 50).output
    listed = ("receipts", "list", "--account", organisation.id)
    assert pms(*listed).output.count("file:") == 2
    assert "older than 30 days." in pms("receipts", "purge").output

    said = pms(*listed).output
    assert "file:b.json" in said
    assert "file:a.json" not in said
    assert stored.belief_count(organisation.id) == before
