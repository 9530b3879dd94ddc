"""Sites: registered, devices put in them, and the assets that follow."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import Organisation
from flexmeasures.data import db
from flexmeasures.data.models.generic_assets import GenericAsset
from support.commands import Command, Failure, RegistryOf

NOON = "2026-03-01T12:00:00+07:00"
ELEVEN = "2026-03-01T11:00:00+07:00"


@pytest.fixture
def site(pms: Command, organisation: Organisation, nobody_else: None) -> Organisation:
    """A PMS with a cabinet and a case, an MPPT, and two sites with nothing in them."""
    account = ("--account", organisation.id)
    where = ("--timezone", "Asia/Jakarta", "--latitude", "-6.2", "--longitude", "106.8")
    pms("register-site", "BTS-1", *account, *where, "--address", "Jalan 1", "--contact", "Ani")
    pms("register-site", "BTS-2", *account, "--timezone", "Asia/Makassar")
    pms("register-pms", "PMS-1", *account)
    pms("register-mppt", "M-1", *account, "--timezone", "Asia/Jayapura")
    pms("register-cabinet", "CAB-1", "--pms", "PMS-1")
    pms("register-case", "269", "--cabinet", "CAB-1", "--dock", 1)
    return organisation


def asset(organisation: Organisation, kind: str, ident: str) -> GenericAsset:
    db.session.expire_all()
    query = db.select(GenericAsset).filter_by(
        account_id=organisation.id, external_id=f"{kind}:{ident}"
    )
    found: GenericAsset = db.session.scalars(query).one()
    return found


def parent(organisation: Organisation, kind: str, ident: str) -> str | None:
    above = asset(organisation, kind, ident).parent_asset
    return above.external_id if above else None


def tree_of(pms: Command, ident: str, *more: object) -> list[str]:
    parts = json.loads(pms("tree", ident, "--json", *more).stdout)["parts"]
    return [f"{part['kind']} {part['id']}" for part in parts]


def verbs(pms: Command, ident: str) -> list[tuple[str, Any]]:
    found = json.loads(pms("history", ident, "--json").stdout)["transactions"]
    return [(t["verb"], t["after"]) for t in found]


def test_a_site_is_an_asset_with_its_place_time_zone_and_facts(
    pms: Command, site: Organisation
) -> None:
    made = asset(site, "site", "BTS-1")
    assert made.generic_asset_type.name == "site"
    assert (made.latitude, made.longitude) == (-6.2, 106.8)
    assert made.attributes["timezone"] == "Asia/Jakarta"
    [(verb, after)] = verbs(pms, "BTS-1")
    assert verb == "registered"
    assert (after["address"], after["contact"]) == ("Jalan 1", "Ani")


def test_devices_move_between_sites_with_their_assets(pms: Command, site: Organisation) -> None:
    assert parent(site, "pms", "PMS-1") is None
    said = pms("install", "PMS-1", "--into", "BTS-1").stdout
    assert "Installed PMS PMS-1 in site BTS-1, from the beginning." in said
    pms("install", "M-1", "--into", "BTS-1", "--at", ELEVEN)
    assert tree_of(pms, "BTS-1") == ["pms PMS-1", "mppt M-1"]
    assert parent(site, "pms", "PMS-1") == "site:BTS-1"
    assert parent(site, "case", "269") == "cabinet:CAB-1"

    pms("install", "PMS-1", "--into", "BTS-2", "--at", NOON)
    assert parent(site, "pms", "PMS-1") == "site:BTS-2"
    assert tree_of(pms, "BTS-1") == ["mppt M-1"]
    assert tree_of(pms, "BTS-1", "--at", ELEVEN) == ["pms PMS-1", "mppt M-1"]

    pms("remove", "PMS-1")
    assert parent(site, "pms", "PMS-1") is None
    assert tree_of(pms, "BTS-2") == []


def test_a_device_keeps_its_own_time_zone_and_has_else_that_of_its_site(
    pms: Command, site: Organisation
) -> None:
    for device in ("PMS-1", "M-1"):
        pms("install", device, "--into", "BTS-1")
    assert asset(site, "mppt", "M-1").attributes["timezone"] == "Asia/Jayapura"
    assert asset(site, "pms", "PMS-1").attributes["timezone"] == "Asia/Jakarta"
    assert asset(site, "pms", "PMS-1").latitude == -6.2


def test_a_parent_asset_that_was_chosen_stays(
    pms: Command, site: Organisation, registry_of: RegistryOf
) -> None:
    chosen = registry_of(site).find("site", "BTS-2").asset_id
    pms("register-inverter", "I-1", "--account", site.id, "--parent-asset", chosen)
    pms("install", "I-1", "--into", "BTS-1")
    assert parent(site, "inverter", "I-1") == "site:BTS-2"


def test_a_device_is_swapped_in_its_site_for_a_registered_one(
    pms: Command, fails: Failure, site: Organisation
) -> None:
    pms("install", "PMS-1", "--into", "BTS-1")
    assert "give --register" in fails("swap", "PMS-1", "PMS-2")
    pms("swap", "PMS-1", "PMS-2", "--register", "--cause", "upgrade")
    assert tree_of(pms, "BTS-1") == ["pms PMS-2"]
    assert "'M-1' is registered as MPPT M-1, not as PMS" in fails("swap", "PMS-2", "M-1")


WRONG = [
    (("install", "269", "--into", "BTS-1"), "it is installed in a cabinet or PMS"),
    (("install", "PMS-1", "--into", "CAB-1"), "it is installed in a site"),
    (("install", "PMS-1", "--into", "BTS-1", "--place", "2"), "leave the place out"),
    (("install", "BTS-1", "--into", "BTS-2"), "'BTS-1' is registered as site BTS-1"),
    (("register-site", "BTS-1", "--account", "{}", "--address", "Jalan 2"), "correct BTS-1"),
    (("register-site", "B3", "--account", "{}", "--address", "x" * 501), "longer than 500"),
    (("correct", "PMS-1", "--kind", "pms", "--address", "x", "--note", "x"), "only sites have"),
]


@pytest.mark.parametrize(("command", "said"), WRONG, ids=range(len(WRONG)))
def test_what_can_t_be_of_a_site_is_refused(
    fails: Failure, site: Organisation, registry_of: RegistryOf, command: tuple[str, ...], said: str
) -> None:
    version = registry_of(site).version
    assert said in fails(*(text.format(site.id) for text in command))
    assert registry_of(site).version == version


def test_facts_of_a_site_are_added_and_corrected(pms: Command, site: Organisation) -> None:
    again = ("register-site", "BTS-2", "--account", site.id, "--contact", "Budi")
    assert "Added to site BTS-2: contact." in pms(*again).stdout
    assert pms(*again).stdout == "Site BTS-2 is registered already.\n"
    correct = ("correct", "BTS-2", "--contact", "Citra", "--note", "he left")
    assert pms(*correct).stdout == "Corrected site BTS-2: contact Citra.\n"
    assert pms(*correct).stdout == "Site BTS-2 has these details already.\n"
    assert verbs(pms, "BTS-2")[1:] == [
        ("serviced", {"contact": "Budi"}),
        ("corrected", {"contact": "Citra"}),
    ]


def test_nothing_goes_into_a_retired_site_and_what_is_in_it_stays(
    pms: Command, fails: Failure, site: Organisation
) -> None:
    pms("install", "PMS-1", "--into", "BTS-1")
    pms("retire", "BTS-1")
    assert tree_of(pms, "BTS-1") == ["pms PMS-1"]
    assert "Site BTS-1 is retired" in fails("install", "M-1", "--into", "BTS-1")


def test_an_id_of_a_case_and_a_pms_means_the_case_until_that_pms_is_in_a_site(
    pms: Command, fails: Failure, site: Organisation
) -> None:
    pms("register-pms", "269", "--account", site.id)
    assert "Removed case 269" in pms("remove", "269").stdout
    pms("install", "269", "--into", "BTS-1")
    assert tree_of(pms, "BTS-1") == ["pms 269"]
    pms("install", "269", "--into", "CAB-1", "--place", 1)
    assert "say which with --kind" in fails("remove", "269")


def test_a_site_whose_asset_was_deleted_gets_a_new_one_when_it_is_registered_again(
    pms: Command, site: Organisation
) -> None:
    pms("install", "M-1", "--into", "BTS-1")
    db.session.delete(asset(site, "site", "BTS-1"))
    db.session.commit()
    for again in (("register-site", "BTS-1"), ("register-mppt", "M-1")):
        pms(*again, "--account", site.id)
    assert parent(site, "mppt", "M-1") == "site:BTS-1"


def test_sites_of_another_organisation_are_unknown(
    pms: Command, fails: Failure, site: Organisation, make_organisation: Any
) -> None:
    other = make_organisation()
    pms("register-site", "BTS-9", "--account", other.id)
    refused = fails("install", "PMS-1", "--into", "BTS-9")
    assert "are not registered in one organisation" in refused
    pms("register-site", "BTS-1", "--account", other.id)
    pms("install", "PMS-1", "--into", "BTS-1")
    assert parent(site, "pms", "PMS-1") == "site:BTS-1"
    assert tree_of(pms, "BTS-1", "--account", other.id) == []
