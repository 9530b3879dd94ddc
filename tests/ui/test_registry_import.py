"""Importing a registry file by page: shown first, then exactly that is applied, once."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from support.forms import forms
from support.session import log_in
from support.site import Site
from werkzeug.test import TestResponse

from flexmeasures_pms.registry.importing.limits import MOST_BYTES
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.registry.tables import trackable, transaction
from flexmeasures_pms.ui.registry import signed_upload

MakeOrganisation = Callable[..., Organisation]

PAGE = "/pms/registry/import"
CELLS = [f"cell.id.{n}" for n in range(1, 15)]
HEADER = ["pack.id", "board.id", "fet.board.id", *CELLS, "pms.id", "cabinet.id", "dock"]


def csv(*rows: dict[str, str]) -> bytes:
    lines = [HEADER, *([row.get(name, "") for name in HEADER] for row in rows)]
    return "\n".join(",".join(line) for line in lines).encode()


ONE = {"pack.id": "0241", "board.id": "B1", "pms.id": "PMS-1", "cabinet.id": "C1", "dock": "1"}
TWO = {"pack.id": "0242", "board.id": "B2", "pms.id": "PMS-1", "cabinet.id": "C1", "dock": "2"}


@pytest.fixture
def admin(make_organisation: MakeOrganisation) -> Organisation:
    return make_organisation(roles=["account-admin"])


@pytest.fixture
def keeper(client: FlaskClient, admin: Organisation) -> FlaskClient:
    """The organisation's admin, logged in."""
    log_in(client, admin)
    return client


def upload(client: FlaskClient, data: bytes, name: str = "site.csv", **more: str) -> TestResponse:
    token = forms(client.get(PAGE).get_data(as_text=True))[0].fields["csrf_token"]
    sent: dict[str, Any] = {"csrf_token": token, "file": (io.BytesIO(data), name), **more}
    return client.post(PAGE, data=sent, content_type="multipart/form-data")


def confirm(client: FlaskClient, shown: TestResponse, **instead: str) -> TestResponse:
    form = forms(shown.get_data(as_text=True))[0]
    assert "seal" in form.fields
    return client.post(form.action, data={**form.fields, **instead})


def registered(account_id: int) -> list[str]:
    query = sa.select(trackable.c.ident).where(trackable.c.account_id == account_id)
    return sorted(db.session.scalars(query))


def test_a_file_is_shown_and_nothing_is_written(keeper: FlaskClient, admin: Organisation) -> None:
    shown = upload(keeper, csv(ONE, TWO))
    text = shown.get_data(as_text=True)
    assert shown.status_code == 200
    assert "Line 2: Would register case 0241 and 3 other things with it." in text
    assert "<li>1 new PMS: PMS-1</li><li>1 new cabinet: C1</li><li>2 new cases</li>" in text
    assert "2 lines: 2 would change the registry, 0 say what it has." in text
    assert registered(admin.id) == []


def test_what_was_shown_is_applied_once(keeper: FlaskClient, admin: Organisation) -> None:
    shown = upload(keeper, csv(ONE, TWO), "tower 7.csv")
    done = confirm(keeper, shown)
    assert "2 lines: 2 changed the registry, 0 say what it has." in done.get_data(as_text=True)
    assert registered(admin.id) == ["0241", "0242", "B1", "B2", "C1", "PMS-1"]
    who = sa.select(transaction.c.author, transaction.c.note).where(
        transaction.c.account_id == admin.id
    )
    entered = list(db.session.execute(who))
    assert set(entered) == {(f"user:{admin.user_id}", "tower 7.csv")}
    again = confirm(keeper, shown)
    assert "This was already entered:" in again.get_data(as_text=True)
    assert list(db.session.execute(who)) == entered


def test_the_same_file_again_has_nothing_to_do(keeper: FlaskClient) -> None:
    confirm(keeper, upload(keeper, csv(ONE)))
    again = upload(keeper, csv(ONE)).get_data(as_text=True)
    assert "The registry is already up to date." in again
    assert not any("seal" in form.fields for form in forms(again))


def test_faults_are_shown_by_their_lines_and_nothing_can_be_applied(
    keeper: FlaskClient, admin: Organisation
) -> None:
    shown = upload(keeper, csv(ONE, {**TWO, "dock": "1"}, {**TWO, "pack.id": "", "board.id": ""}))
    text = shown.get_data(as_text=True).replace("&#39;", "'")
    assert shown.status_code == 422
    assert "Line 3: dock 1 of C1 is on line 2 already." in text
    assert "Line 4: pack.id is empty" in text
    assert not any("seal" in form.fields for form in forms(text))
    assert registered(admin.id) == []


def test_a_refused_file_does_not_say_what_it_would_do(
    keeper: FlaskClient, admin: Organisation
) -> None:
    shown = upload(keeper, csv(ONE, {**TWO, "dock": "44"})).get_data(as_text=True)
    assert "Line 3: Cabinet C1 has docks 1-12, not 44." in shown
    assert "choose it again, or leave the faulty lines out." in shown
    assert "Would register case" not in shown
    again = upload(keeper, csv(ONE, {**TWO, "dock": "44"}), skip="yes").get_data(as_text=True)
    assert "Line 2: Would register case 0241" in again
    assert "0242" not in again


def test_what_to_do_about_a_refused_file_is_listed(keeper: FlaskClient) -> None:
    confirm(keeper, upload(keeper, csv(ONE)))
    zeros, unknown = {**TWO, "pack.id": "241"}, {**TWO, "pack.id": "N/A", "board.id": "B3"}
    shown = upload(keeper, csv(zeros, {**unknown, "dock": "3"})).get_data(as_text=True)
    advice = shown.split("Nothing was imported: 2 of 2 lines are faulty.</p>", 1)[1]
    told = re.findall(r"<li>(.*?)</li>", advice.split("</ul>", 1)[0])
    assert [text.split(" ", 1)[0] for text in told] == ["Spreadsheets", "Leave", "Correct"]


def test_faulty_lines_can_be_left_out(keeper: FlaskClient, admin: Organisation) -> None:
    shown = upload(keeper, csv(ONE, {**TWO, "dock": "x"}), skip="yes")
    assert "Line 3: dock 'x' is not a number." in shown.get_data(as_text=True).replace("&#39;", "'")
    confirm(keeper, shown)
    assert "0241" in registered(admin.id)
    assert "0242" not in registered(admin.id)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a,b\n1,2\n", "The header lacks columns"),
        ("pack.id\nå".encode("latin-1"), "is not UTF-8 text"),
        (b"x" * (MOST_BYTES + 1), "The file is too large for this page"),
    ],
)
def test_what_is_no_such_file_is_refused(
    keeper: FlaskClient, admin: Organisation, data: bytes, message: str
) -> None:
    reply = upload(keeper, data)
    assert reply.status_code == 422
    assert message in reply.get_data(as_text=True)


def test_more_than_can_be_waited_for_is_refused(
    keeper: FlaskClient, admin: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signed_upload, "MOST_CHANGES", 1)
    reply = upload(keeper, csv(ONE, TWO))
    assert reply.status_code == 422
    assert "2 lines would change the registry" in reply.get_data(as_text=True)
    assert upload(keeper, csv(ONE)).status_code == 200


def test_no_file_at_all_is_asked_for(keeper: FlaskClient) -> None:
    assert "Choose a file." in upload(keeper, b"", "").get_data(as_text=True)


def test_another_file_than_the_one_shown_is_not_applied(
    keeper: FlaskClient, admin: Organisation
) -> None:
    shown, other = upload(keeper, csv(ONE)), upload(keeper, csv(TWO))
    text = other.get_data(as_text=True)
    for instead in (
        {"file": forms(text)[0].fields["file"]},
        {"file": "not packed"},
        {"file": ""},
        {"seal": forms(text)[0].fields["seal"][:-1] + "x"},
        {"seal": ""},
    ):
        reply = confirm(keeper, shown, **instead)
        assert reply.status_code == 422, instead
        assert "This is not the file that was shown." in reply.get_data(as_text=True)
    assert registered(admin.id) == []


def test_a_registry_that_changed_meanwhile_is_looked_at_again(
    keeper: FlaskClient, admin: Organisation
) -> None:
    shown = upload(keeper, csv(ONE))
    Site(admin.id).case("0300")
    again = confirm(keeper, shown)
    assert "The registry has changed since: look at this again." in again.get_data(as_text=True)
    assert load_directory(admin.id).find("case", "0241") is None
    confirm(keeper, again)
    assert "0241" in registered(admin.id)


def test_a_file_shown_for_one_organisation_is_not_applied_to_another(
    client: FlaskClient, make_organisation: MakeOrganisation
) -> None:
    root, one, other = (make_organisation(roles=r) for r in (["admin"], None, None))
    log_in(client, root)
    token = forms(client.get(PAGE).get_data(as_text=True))[0].fields["csrf_token"]
    sent: dict[str, Any] = {"csrf_token": token, "file": (io.BytesIO(csv(ONE)), "x.csv")}
    shown = client.post(f"{PAGE}?organisation={one.id}", data=sent)
    form = forms(shown.get_data(as_text=True))[0]
    assert f"organisation={one.id}" in form.action
    reply = client.post(f"{PAGE}?organisation={other.id}", data=form.fields)
    assert reply.status_code == 422
    assert registered(one.id) == registered(other.id) == []


def test_who_may_not_make_assets_may_not_import(
    client: FlaskClient, organisation: Organisation
) -> None:
    log_in(client, organisation)
    assert client.get(PAGE).status_code == 403
    register = client.get("/pms/registry/register?kind=case").get_data(as_text=True)
    token = forms(register)[0].fields["csrf_token"]
    data = {"csrf_token": token, "file": (io.BytesIO(csv(ONE)), "x.csv")}
    assert client.post(PAGE, data=data).status_code == 403
    assert registered(organisation.id) == []


def test_a_file_without_a_token_is_refused(keeper: FlaskClient, admin: Organisation) -> None:
    reply = keeper.post(PAGE, data={"file": (io.BytesIO(csv(ONE)), "x.csv")})
    assert reply.status_code == 400
    assert registered(admin.id) == []


def test_a_file_is_told_about_in_the_readers_language(
    keeper: FlaskClient, admin: Organisation
) -> None:
    keeper.set_cookie("pms_lang", "id")
    late = {**TWO, "dock": "1", "pack.id": "0243", "board.id": "B3"}
    faulty = upload(keeper, csv(ONE, late, {**TWO, "dock": "x"})).get_data(as_text=True)
    for message in (
        "Baris 3: dok 1 dari C1 sudah ada di baris 2.",
        "Baris 4: dock 'x' bukan angka.",
        "Tidak ada yang diimpor: 2 dari 3 baris salah.",
    ):
        assert message in faulty.replace("&#39;", "'")
    shown = upload(keeper, csv(ONE))
    text = shown.get_data(as_text=True)
    assert "Baris 2: Kotak 0241 akan didaftarkan bersama 3 bagian lain." in text
    assert "1 baris: 1 akan mengubah registri, 0 sama dengan isinya." in text
    done = confirm(keeper, shown).get_data(as_text=True)
    assert "3 aset FlexMeasures dibuat beserta sensornya." in done
    assert "1 baris: 1 mengubah registri, 0 sama dengan isinya." in done


LATER = (datetime.now(UTC) + timedelta(days=30)).isoformat()
BOXES = {
    "similar": (
        csv({**TWO, "pack.id": "241"}),
        "Line 2: &#39;241&#39; differs from the known case 0241 only by leading zeros.",
    ),
    "spreadsheet": (
        csv({**TWO, "board.id": "241.0"}),
        "Line 2: &#39;241.0&#39; is what a spreadsheet makes of the id of a new acquisition board.",
    ),
    "placeholders": (
        csv({**TWO, "board.id": "N/A"}),
        "Line 2: &#39;N/A&#39; is a placeholder, not the id of a new acquisition board.",
    ),
    "stripped": (
        csv({**TWO, "board.id": "B1"}),
        "Line 2: It takes acquisition board B1 from case 0241 in dock 1 of cabinet C1, and "
        "nothing takes its place.",
    ),
    "other-pms": (
        csv({**TWO, "pms.id": "PMS-9"}),
        "Line 2: Cabinet C1 is installed in position 1 of PMS PMS-1, and would go to PMS PMS-9.",
    ),
    "planned": (
        csv(TWO).replace(b"dock\n", b"dock,valid_from\n") + f",{LATER}".encode(),
        "is in the future.",
    ),
    "short": (b",".join(csv(TWO).split(b",")[:-4]), "the line is incomplete."),
}


@pytest.mark.parametrize("box", BOXES)
def test_a_box_lets_through_what_is_refused_otherwise(
    keeper: FlaskClient, admin: Organisation, box: str
) -> None:
    first = upload(keeper, csv(ONE))
    assert "1 changed the registry" in confirm(keeper, first).get_data(as_text=True)
    data, said = BOXES[box]
    refused = upload(keeper, data)
    assert refused.status_code == 422
    assert said in refused.get_data(as_text=True)
    shown = upload(keeper, data, **{box: "yes"})
    assert f'name="{box}" value="yes" checked' in shown.get_data(as_text=True)
    assert "1 changed the registry" in confirm(keeper, shown).get_data(as_text=True)


def test_what_takes_a_part_from_elsewhere_says_so(keeper: FlaskClient) -> None:
    confirm(keeper, upload(keeper, csv(ONE, TWO)))
    shown = upload(keeper, csv({**ONE, "board.id": "B2"}, {**TWO, "board.id": "B1"}))
    text = shown.get_data(as_text=True)
    assert "<li>Acquisition board B1: from case 0241 to case 0242.</li>" in text
    assert "<li>Acquisition board B2: from case 0242 to case 0241.</li>" in text


def test_unknown_columns_are_told(keeper: FlaskClient) -> None:
    shown = upload(keeper, b"pack.id,remarks\n0241,new\n").get_data(as_text=True)
    assert "Ignored columns: remarks." in shown
    assert "1 would change the registry" in shown
    refused = upload(keeper, b"pack.id,borad.id\n0241,B1\n").get_data(as_text=True)
    assert "borad.id (did you mean board.id?)" in refused


@pytest.mark.parametrize(("language", "between"), [("en", ","), ("id", ";")])
def test_the_registry_can_be_downloaded_and_imported_again(
    keeper: FlaskClient, language: str, between: str
) -> None:
    confirm(keeper, upload(keeper, csv(ONE, TWO)))
    keeper.set_cookie("pms_lang", language)
    assert 'href="/pms/registry/export.csv"' in keeper.get("/pms/registry").get_data(as_text=True)
    reply = keeper.get("/pms/registry/export.csv")
    assert reply.status_code == 200
    assert reply.mimetype == "text/csv"
    assert 'filename="registry.csv"' in reply.headers["Content-Disposition"]
    assert f"\n[0241]{between}PMS-1{between}C1{between}1" in reply.get_data(as_text=True)
    again = upload(keeper, reply.get_data(), lang="en").get_data(as_text=True)
    assert not any("seal" in form.fields for form in forms(again))
    assert "pms-badge" in again


def test_a_template_can_be_downloaded(keeper: FlaskClient, admin: Organisation) -> None:
    assert 'href="/pms/registry/template.csv"' in keeper.get(PAGE).get_data(as_text=True)
    template = keeper.get("/pms/registry/template.csv").get_data()
    assert upload(keeper, template).status_code == 422
    assert registered(admin.id) == []
    confirm(keeper, upload(keeper, template.replace(b"EXAMPLE", b"0269")))
    assert "0269" in registered(admin.id)


def test_a_download_is_for_those_who_may_see_the_registry(
    client: FlaskClient, make_organisation: MakeOrganisation
) -> None:
    member, other = make_organisation(), make_organisation()
    Site(member.id).case("0241")
    Site(other.id).case("0300")
    assert client.get("/pms/registry/export.csv").status_code in (302, 401)
    log_in(client, member)
    own = client.get("/pms/registry/export.csv").get_data(as_text=True)
    assert "[0241]" in own
    assert "[0300]" not in own
    assert client.get(f"/pms/registry/export.csv?organisation={other.id}").status_code == 404


def test_control_characters_in_a_file_are_named(keeper: FlaskClient, admin: Organisation) -> None:
    shown = upload(keeper, csv(ONE, {**TWO, "board.id": "B\0"}))
    assert shown.status_code == 422
    assert "Line 3: board.id has the control character U+0000." in shown.get_data(as_text=True)
    assert registered(admin.id) == []
    assert upload(keeper, csv(ONE), name="a\x01.csv").status_code == 400
