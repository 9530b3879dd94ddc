"""Forms that ask once before they change anything, and say what follows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.forms import submit
from support.registry_forms import (
    NOON,
    NOON_THERE,
    build,
    entered,
    form,
    place,
    text_of,
)
from support.reporting import report
from support.session import log_in
from support.site import Site
from support.telemetry import pack_sample, wire_time

from flexmeasures_pms.registry.loading.load import load_directory


@pytest.fixture
def site(organisation: Organisation) -> Site:
    return build(organisation)


@pytest.fixture
def member(client: FlaskClient, organisation: Organisation, site: Site) -> FlaskClient:
    """The organisation's member, who has no roles, logged in."""
    return log_in(client, organisation)


def test_an_unknown_board_is_asked_about_first_and_nothing_is_written(
    member: FlaskClient, site: Site
) -> None:
    before = len(entered(site.account_id))
    asked = submit(member, form(member, "acquisition-board", "B269", "swap"), new="B3OO")
    assert asked.status_code == 200
    assert "B3OO is not registered yet. Is it spelled right?" in text_of(asked)
    assert "Would register acquisition board B3OO." in text_of(asked)
    assert len(entered(site.account_id)) == before
    assert place(site.account_id, "acquisition-board", "B269") == ("269", 1)
    done = submit(member, text_of(asked), sure=True)
    assert done.status_code == 303
    assert place(site.account_id, "acquisition-board", "B3OO") == ("269", 1)


def test_to_be_sure_of_one_id_is_not_to_be_sure_of_another(member: FlaskClient, site: Site) -> None:
    asked = submit(member, form(member, "acquisition-board", "B269", "swap"), new="B3OO")
    again = submit(member, text_of(asked), sure=True, new="B300")
    assert "B300 is not registered yet." in text_of(again)
    assert place(site.account_id, "acquisition-board", "B269") == ("269", 1)


def test_a_board_that_is_in_use_elsewhere_is_asked_about(member: FlaskClient, site: Site) -> None:
    site.register("acquisition-board", "B270")
    site.install(("acquisition-board", "B270"), ("case", "270"))
    asked = submit(member, form(member, "acquisition-board", "B269", "swap"), new="B270")
    assert "Acquisition board B270 is in case 270 now, and would leave it." in text_of(asked)
    submit(member, text_of(asked), sure=True)
    assert place(site.account_id, "acquisition-board", "B270") == ("269", 1)


@pytest.mark.parametrize(
    ("action", "values"), [("swap", {"new": "CAB-9"}), ("remove", {}), ("retire", {}),
                           ("move", {"into": "PMS-2", "place": "1"})],
)  # fmt: skip
def test_a_cabinet_with_packs_leaves_its_pms_only_after_a_confirmation(
    member: FlaskClient, site: Site, action: str, values: dict[str, Any]
) -> None:
    site.register("pms", "PMS-2")
    asked = submit(member, form(member, "cabinet", "PMS-1-A", action), **values)
    assert asked.status_code == 200
    warning = "Cabinet PMS-1-A has 1 case in it, which would leave PMS PMS-1 with it."
    assert warning in text_of(asked)
    assert place(site.account_id, "cabinet", "PMS-1-A") == ("PMS-1", 1)
    assert submit(member, text_of(asked), sure=True).status_code == 303
    assert place(site.account_id, "cabinet", "PMS-1-A") != ("PMS-1", 1)


def test_the_packs_of_the_new_cabinet_and_of_a_correction_are_asked_about_too(
    member: FlaskClient, site: Site
) -> None:
    with site.at_once() as new:
        new.pms("PMS-2")
        new.case("280", "PMS-2-A", 1)
    warning = "Cabinet PMS-2-A has 1 case in it, which would leave PMS PMS-2 with it."
    asked = submit(member, form(member, "cabinet", "PMS-1-A", "swap"), new="PMS-2-A")
    assert warning in text_of(asked)
    page = form(member, "cabinet", "PMS-2-A", "correct")
    asked = submit(member, page, into="PMS-1", place="2", note="x")
    assert warning in text_of(asked)
    asked = submit(
        member, form(member, "pms", "PMS-1", "fill&slot=cabinet"), part="PMS-2-A", place="2"
    )
    assert warning in text_of(asked)
    assert place(site.account_id, "cabinet", "PMS-2-A") == ("PMS-2", 1)


def test_the_packs_of_the_time_of_a_form_count(member: FlaskClient, site: Site) -> None:
    page = form(member, "cabinet", "PMS-1-A", "remove")
    site.remove(("case", "269"), datetime.fromisoformat(NOON))
    asked = submit(member, page, at="2026-03-01T11:00:00")
    assert "Cabinet PMS-1-A has 1 case in it" in text_of(asked)
    asked = submit(member, page, at=NOON_THERE)
    assert "has 1 case in it" not in text_of(asked)
    assert submit(member, text_of(asked), sure=True).status_code == 303


def test_what_a_registration_takes_from_elsewhere_is_asked_about(
    member: FlaskClient, site: Site
) -> None:
    site.register("pms", "PMS-2")
    page = form(member, "register", "cabinet", "")
    asked = submit(member, page, ident="PMS-1-A", pms="PMS-2", at=NOON_THERE)
    assert "Cabinet PMS-1-A is in position 1 of PMS PMS-1, and would leave it." in text_of(asked)
    assert "Cabinet PMS-1-A has 1 case in it" in text_of(asked)
    page = form(member, "register", "case", "")
    taking: dict[str, Any] = {"board": "B269", "cabinet": "PMS-1-A", "dock": "8"}
    assert submit(member, page, ident="270", **taking).status_code == 422
    asked = submit(member, page, ident="270", at=NOON_THERE, **taking)
    assert "Acquisition board B269 is in case 269, and would leave it." in text_of(asked)
    assert place(site.account_id, "acquisition-board", "B269") == ("269", 1)
    assert submit(member, text_of(asked), sure=True).status_code == 303
    assert place(site.account_id, "acquisition-board", "B269") == ("270", 1)


@pytest.mark.parametrize(
    ("about", "told"),
    [
        (("pms", "PMS-1", "retire"), "What is in it stays in it: 1 part."),
        (("case", "269", "retire"), "If it reports all the same, that is stored"),
        (("acquisition-board", "B269", "retire"), "until it is revived. Its history stays."),
        (("case", "269", "remove"), "Its place is empty afterwards."),
        (("acquisition-board", "B269", "remove"), "id wait in quarantine until it is installed."),
    ],
)
def test_retire_and_remove_ask_once_and_say_what_follows(
    member: FlaskClient, site: Site, about: tuple[str, str, str], told: str
) -> None:
    before = len(entered(site.account_id))
    asked = submit(member, form(member, *about))
    assert asked.status_code == 200
    text = text_of(asked).replace("&#39;", "'")
    assert told in text.split('class="registry-unsure"', 1)[1].split("</div>", 1)[0]
    assert len(entered(site.account_id)) == before
    assert submit(member, text_of(asked), sure=True).status_code == 303
    assert len(entered(site.account_id)) > before


@pytest.mark.parametrize(
    ("minutes", "dock", "told"),
    [
        (0, 3, "It still reports: with its next sample it is recorded in that dock again."),
        (6, 3, "Its place is empty afterwards."),
        (0, 99, "Its place is empty afterwards."),
    ],
)
def test_the_place_of_a_pack_that_still_reports_from_it_does_not_stay_empty(
    client: FlaskClient, organisation: Organisation, member: FlaskClient, site: Site,
    minutes: int, dock: int, told: str,
) -> None:  # fmt: skip
    where = place(site.account_id, "case", "269")
    assert where is not None
    time = datetime.now(UTC) - timedelta(minutes=minutes)
    sample = pack_sample("269", time, dock=where[1] if dock != 99 else 99)
    report(client, organisation.headers, sample, pms_id="PMS-1")
    asked = text_of(submit(member, form(member, "case", "269", "remove")))
    doubts = asked.split('class="registry-unsure"', 1)[1].split("</div>", 1)[0]
    assert told in doubts
    both = ("It still reports", "Its place is empty")
    assert sum(words in doubts for words in both) == 1
    assert submit(member, asked, sure=True).status_code == 303
    assert place(site.account_id, "case", "269") is None
    sample["time_local"] = wire_time(datetime.now(UTC) + timedelta(seconds=2))
    report(client, organisation.headers, sample, pms_id="PMS-1")
    again = load_directory(site.account_id)
    row = again.installed(site.number("case", "269"), datetime.now(UTC) + timedelta(seconds=3))
    assert row is not None
    assert row.place == (None if dock == 99 else where[1])
