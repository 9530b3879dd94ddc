"""Pages of things that were moved thousands of times stay small."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.session import log_in
from support.site import AUTHOR, Site

from flexmeasures_pms.registry.editing import moves
from flexmeasures_pms.registry.editing.writer import editing


@pytest.fixture
def site(client: FlaskClient, organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("0241")
    log_in(client, organisation)
    return site


def move_often(site: Site, count: int, begin: datetime) -> None:
    """Move the pack to and fro between two docks, each minute."""
    with editing(site.account_id, AUTHOR) as changeset:
        case = changeset.view.find("case", "0241")
        cabinet = changeset.view.find("cabinet", "PMS-1-A")
        assert case is not None
        assert cabinet is not None
        for n in range(count):
            moves.install(changeset, case, cabinet, 1 + n % 2, begin + timedelta(minutes=n))


def test_pages_of_a_pack_do_not_grow_with_its_moves(client: FlaskClient, site: Site) -> None:
    pages = ("/pms/case/0241", "/pms/registry/case/0241", "/pms/registry/case/0241?events=all")
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)

    def sizes() -> list[int]:
        found = []
        for address in pages:
            reply = client.get(address)
            assert reply.status_code == 200
            found.append(len(reply.get_data()))
        return found

    move_often(site, 400, begin)
    before = sizes()
    move_often(site, 1_600, begin + timedelta(minutes=400))
    for few, many in zip(before, sizes(), strict=True):
        assert many < 1.2 * few + 2_000
