"""The registry's pages: what is in what, one thing with its life, and the search."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from support.session import log_in
from support.site import Site, commit, old_ids

from flexmeasures_pms.registry.editing import orders
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.editing.order import Order

MakeOrganisation = Callable[..., Organisation]

HOSTILE = "<script>alert(1)</script>\"'&/../x"
NOON = datetime(2026, 3, 1, 5, tzinfo=UTC)


@pytest.fixture
def site(organisation: Organisation) -> Site:
    """A PMS with two cabinets, a case in the second, its board and two cell blocks."""
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms(cabinets=2)
        new.case("0241", "PMS-1-B", 3)
        new.register("acquisition-board", "B0241", "B0300")
    site.install(("acquisition-board", "B0241"), ("case", "0241"))
    site.register("cell-block", "L1")
    site.install(("cell-block", "L1"), ("case", "0241"), place=5)
    return site


@pytest.fixture
def member(client: FlaskClient, organisation: Organisation, site: Site) -> FlaskClient:
    """The organisation's member, logged in."""
    log_in(client, organisation)
    return client


def shown(client: FlaskClient, path: str, status: int = 200) -> str:
    """What a reader of a page sees, with single spaces."""
    reply = client.get(path)
    assert reply.status_code == status, reply.get_data(as_text=True)
    text = reply.get_data(as_text=True)
    main = text.split('id="pms-main" tabindex="-1">', 1)[-1].split("</main>", 1)[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


def test_the_tree_begins_with_the_systems(member: FlaskClient, site: Site) -> None:
    site.register("mppt", "M-1")
    text = shown(member, "/pms/registry")
    assert "PMS PMS-1 1 case" in text
    assert "MPPTs" in text
    assert "0241" not in text
    assert "MPPT M-1" in shown(member, "/pms/registry?kind=mppt")


def test_a_branch_is_loaded_on_demand(member: FlaskClient) -> None:
    branch = shown(member, "/pms/registry/branch?kind=pms&id=PMS-1")
    assert "position 2 cabinet PMS-1-B" in branch
    assert "dock 3 (15 of the PMS) case 0241" in branch
    assert "B0241" not in branch
    assert "acquisition board B0241" in shown(member, "/pms/registry/branch?kind=case&id=0241")
    assert shown(member, "/pms/registry/branch?kind=acquisition-board&id=B0241", 404)


def test_the_tree_opens_down_to_a_thing(member: FlaskClient) -> None:
    reply = member.get("/pms/registry?open=cell-block:L1").get_data(as_text=True)
    found = reply.split('id="found"', 1)[1]
    assert "cell block 5" in found.split("</li>", 1)[0]
    text = shown(member, "/pms/registry?open=cell-block:L1")
    assert "PMS PMS-1" in text
    assert "dock 3 (15 of the PMS) case 0241" in text


def test_the_tree_says_since_when_each_thing_is_where_it_is(
    member: FlaskClient, site: Site
) -> None:
    site.install(("case", "0241"), ("cabinet", "PMS-1-A"), NOON, place=4)
    text = shown(member, "/pms/registry?open=cell-block:L1")
    assert "Time zone: Asia/Jakarta (UTC+07:00)" in text
    for said in (
        "position 1 cabinet PMS-1-A start not recorded",
        "dock 4 case 0241 since 2026-03-01 12:00:00",
        "acquisition board B0241 start not recorded",
        "cell block 5 L1 start not recorded",
    ):
        assert said in text
    branch = shown(member, "/pms/registry/branch?kind=pms&id=PMS-1")
    assert "Time zone: Asia/Jakarta (UTC+07:00)" in branch
    assert "dock 4 case 0241 since 2026-03-01 12:00:00" in branch
    # What is loaded below it has the same clock.
    below = shown(member, "/pms/registry/branch?kind=case&id=0241")
    assert "acquisition board B0241 start not recorded" in below
    assert "Times are" not in below


def test_a_long_list_comes_page_by_page(member: FlaskClient, site: Site) -> None:
    insert = sa.text(
        "INSERT INTO pms_trackable (account_id, kind, ident, ident_key)"
        " SELECT :account, 'pms', name, name FROM"
        " (SELECT 'X-' || lpad(n::text, 4, '0') AS name FROM generate_series(1, 120) n) x"
    )
    db.session.execute(insert, {"account": site.account_id})
    seen: list[str] = []
    path: str | None = "/pms/registry?kind=pms"
    while path:
        reply = member.get(path).get_data(as_text=True)
        seen += re.findall(r'class="tree-id">([^<]+)<', reply)
        following = re.search(r'href="([^"]+)">Next page<', reply)
        path = unescape(following.group(1)) if following else None
    assert seen == ["PMS-1", *(f"X-{n:04}" for n in range(1, 121))]


@pytest.mark.parametrize(
    ("text", "leads_to"),
    [
        ("0241", "case/0241"),
        (" b0241 ", "acquisition-board/B0241"),
        ("241-again", "acquisition-board/B0241"),
        ("pms-1-b", "cabinet/PMS-1-B"),
    ],
)
def test_an_id_or_spelling_leads_to_the_thing(
    member: FlaskClient, site: Site, text: str, leads_to: str
) -> None:
    orders_ = Order(Author("test"), None, site.account_id)
    commit(orders.add_alias(orders_, "B0241", "241-again"))
    reply = member.get("/pms/registry", query_string={"q": text})
    assert (reply.status_code, reply.location) == (303, f"/pms/registry/{leads_to}")


def test_part_of_an_id_finds_all_that_have_it(member: FlaskClient) -> None:
    text = shown(member, "/pms/registry?q=B0")
    assert "acquisition board B0241" in text
    assert "acquisition board B0300" in text
    assert "No id contains “100%_”." in shown(member, "/pms/registry?q=100%25_")


def test_a_case_shows_its_parts_and_its_empty_places(member: FlaskClient) -> None:
    text = shown(member, "/pms/registry/case/0241")
    assert "in dock 3 (15 of the PMS) of cabinet PMS-1-B" in text
    assert "Acquisition board B0241" in text
    assert "Cell blocks 1 of 14" in text
    assert "Asia/Jakarta (UTC+07:00)" in text
    page = member.get("/pms/registry/case/0241").get_data(as_text=True)
    assert 'href="/pms/case/0241"' in page
    assert re.search(r'href="/assets/\d+', page)
    assert 'href="/pms/registry/acquisition-board/B0241?do=swap"' in page


def test_the_life_of_a_thing_is_told_in_words(member: FlaskClient, site: Site) -> None:
    author = Author(f"user:{_user(site)}", "cold joint")
    commit(orders.swap(Order(author, NOON, site.account_id), "B0241", "B0300"))
    commit(orders.service(Order(Author("cli:rudi", "cleaned"), None, site.account_id), "0241"))
    device = Order(Author("device:PMS-1", "reported from there"), NOON, site.account_id)
    commit(orders.install(device, "0241", "PMS-1-A", kind="case", place=7))
    text = shown(member, "/pms/registry/case/0241")
    for words in (
        "PMS PMS-1, by reporting Moved case 0241 to dock 7 of cabinet PMS-1-A, PMS PMS-1, "
        "from dock 3 of cabinet PMS-1-B, PMS PMS-1. reported from there "
        "Valid from 2026-03-01 12:00:00.",
        "rudi, at the command line Serviced case 0241. cleaned",
        "Removed acquisition board B0241 from case 0241. "
        "Installed acquisition board B0300 in case 0241. cold joint",
        "dock 3 (15 of the PMS) of cabinet PMS-1-B until 2026-03-01 12:00:00, start not recorded",
        "Earlier contents acquisition board B0241 until 2026-03-01 12:00:00, start not recorded",
    ):
        assert words in text
    assert "member" in text.split("Removed acquisition board", 1)[0].rsplit("cleaned", 1)[1]
    board = shown(member, "/pms/registry/acquisition-board/B0241")
    assert "installed nowhere" in board


def _user(site: Site) -> int:
    from flexmeasures.data.models.user import User

    number: int = db.session.execute(
        sa.select(User.id).where(User.account_id == site.account_id)
    ).scalar_one()
    return number


def test_nothing_is_offered_for_the_places_of_what_is_retired(
    organisation: Organisation, site: Site, client: FlaskClient
) -> None:
    """A form that is always refused is not offered; it is again after a revival."""
    log_in(client, organisation)
    order = Order(Author("test"), None, site.account_id)
    page = "/pms/registry/case/0241"
    assert {"Swap: cell block L1", "Put in: FET board"} <= labels(client, page)
    commit(orders.retire(order, "0241", kind="case"))
    assert not [name for name in labels(client, page) if name.startswith(("Swap", "Put in"))]
    commit(orders.revive(order, "0241", kind="case"))
    assert {"Swap: cell block L1", "Put in: FET board"} <= labels(client, page)


def labels(client: FlaskClient, path: str) -> set[str]:
    return set(re.findall(r'aria-label="([^"]+)"', client.get(path).get_data(as_text=True)))


def test_what_was_retired_says_so(member: FlaskClient, site: Site) -> None:
    order = Order(Author("test", "water"), None, site.account_id)
    commit(orders.retire(order, "B0300"))
    text = shown(member, "/pms/registry/acquisition-board/B0300")
    since = r"retired since [-\d]+ [:\d]+ Acquisition board installed nowhere Asia/Jakarta"
    assert re.search(since, text)
    assert "Retired acquisition board B0300. water" in text


def test_an_empty_registry_says_what_to_do(
    client: FlaskClient, make_organisation: MakeOrganisation
) -> None:
    admin = make_organisation(roles=["account-admin"])
    log_in(client, admin)
    text = shown(client, "/pms/registry")
    assert "Nothing is registered yet." in text
    assert "Register a PMS first, or import a file of the whole site." in text


def test_hostile_ids_are_text_and_their_links_lead_to_them(member: FlaskClient, site: Site) -> None:
    with old_ids():
        site.register("pms", HOSTILE)
    site.register("case", "..", "a/b", "case", "A%2FB")
    commit(
        orders.service(Order(Author("test", HOSTILE), None, site.account_id), HOSTILE, kind="pms")
    )
    for ident, kind in ((HOSTILE, "pms"), ("..", "case"), ("a/b", "case"), ("A%2FB", "case")):
        listed = member.get(f"/pms/registry?kind={kind}").get_data(as_text=True)
        assert "<script>alert" not in listed
        links = [unescape(link) for link in re.findall(r'class="tree-open" href="([^"]+)"', listed)]
        pages = [member.get(link).get_data(as_text=True) for link in links]
        assert all("<script>alert" not in page for page in pages)
        titles = [unescape(re.findall(r"<h1>(.*?)</h1>", page)[0]) for page in pages]
        assert any(title.endswith(f" {ident}") for title in titles), (ident, titles)


@pytest.mark.parametrize(
    "path",
    [
        "case/THEIRS",
        "case/THEIRS?do=swap",
        "branch?kind=case&id=THEIRS",
        "pms/PMS-9",
        "nonsense/0241",
        "case/",
        "case/0241?do=nonsense",
    ],
)
def test_what_is_another_organisations_is_not_found(
    member: FlaskClient, other_organisation: Organisation, path: str
) -> None:
    theirs = Site(other_organisation.id)
    with theirs.at_once() as new:
        new.pms("PMS-9")
        new.case("THEIRS", "PMS-9-A", 1)
    assert "THEIRS" not in shown(member, f"/pms/registry/{path}", 404)
    named = f"{path}{'&' if '?' in path else '?'}organisation={theirs.account_id}"
    assert "THEIRS" not in shown(member, f"/pms/registry/{named}", 404)


def test_nothing_of_another_organisation_is_listed_or_found(
    member: FlaskClient, other_organisation: Organisation
) -> None:
    theirs = Site(other_organisation.id)
    with theirs.at_once() as new:
        new.pms("PMS-9")
        new.case("0241-T", "PMS-9-A", 1)
    assert "PMS-9" not in shown(member, "/pms/registry?kind=pms")
    assert "0241-T" not in shown(member, "/pms/registry?q=241-")
    assert shown(member, f"/pms/registry?organisation={theirs.account_id}", 404)
    assert shown(member, f"/pms/registry?q=0241&organisation={theirs.account_id}", 404)


def test_an_admin_stays_in_the_organisation_that_was_chosen(
    client: FlaskClient, make_organisation: MakeOrganisation
) -> None:
    admin, owner = make_organisation(roles=["admin"]), make_organisation()
    site = Site(owner.id)
    site.pms("PMS-FAR")
    log_in(client, admin)
    page = client.get(f"/pms/registry?organisation={owner.id}").get_data(as_text=True)
    links = [unescape(link) for link in re.findall(r'href="(/pms/registry[^"]*)"', page)]
    assert f"/pms/registry/pms/PMS-FAR?organisation={owner.id}" in links
    page = client.get(f"/pms/registry/pms/PMS-FAR?organisation={owner.id}").get_data(as_text=True)
    forms = [unescape(link) for link in re.findall(r'href="(/pms/registry[^"]*do=[^"]*)"', page)]
    assert forms
    assert all(f"organisation={owner.id}" in link for link in forms)


def test_whoever_is_not_logged_in_sees_nothing(client: FlaskClient, site: Site) -> None:
    for path in ("", "/case/0241", "/branch?kind=case&id=0241", "/register", "/import"):
        reply = client.get(f"/pms/registry{path}")
        assert reply.status_code == 302
        assert reply.location.startswith("/login")


def test_the_pages_speak_indonesian(member: FlaskClient) -> None:
    text = shown(member, "/pms/registry/case/0241?lang=id")
    assert "Blok sel 1 dari 14" in text
    assert "papan akuisisi" in text.lower()
    assert "empty" not in text


def test_what_is_in_no_place_is_looked_for_a_bounded_way_at_a_time(
    member: FlaskClient, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flexmeasures_pms.registry.queries import browse

    monkeypatch.setattr(browse, "LOOKED_AT", 1)
    # Of the boards B0241 and B0300 the first is installed.
    page = member.get("/pms/registry?kind=acquisition-board").get_data(as_text=True)
    assert "None on this page: see the next page." in page
    following = re.search(r'href="([^"]+)">Next page<', page)
    assert following is not None
    assert "B0300" in shown(member, unescape(following.group(1)))
