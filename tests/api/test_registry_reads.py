"""What is registered, over HTTP: lists, one thing, its history, trees, and what an id means."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.gateways import make_key
from support.site import Site
from support.telemetry import at

REGISTRY = "/pms/api/v1/registry"
BOARD = "66BFF353734574E43235318"
ROUTES = (
    "things", "things/case/0241", "things/case/0241/history", "things/pms/PMS-1/tree", "trees",
    f"lookup/{BOARD}",
)  # fmt: skip

Ask = Callable[..., Any]


@pytest.fixture
def site(organisation: Organisation) -> Site:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.cases({"0241": 1, "0242": 2}, "PMS-1-A")
        new.register("acquisition-board", BOARD)
        new.install(("acquisition-board", BOARD), ("case", "0241"))
    return site


@pytest.fixture
def ask(client: FlaskClient, organisation: Organisation, site: Site) -> Ask:
    def get(path: str, code: int = 200, headers: Any = None, **query: Any) -> Any:
        reply = client.get(
            f"{REGISTRY}/{path}", query_string=query, headers=headers or organisation.headers
        )
        assert reply.status_code == code, reply.get_data(as_text=True)
        return reply.get_json()

    return get


def ids(found: Any) -> list[str]:
    return [f"{one['kind']}:{one['id']}" for one in found["things"]]


def test_all_things_are_listed_page_by_page(ask: Ask) -> None:
    everything = ids(page := ask("things", limit=2))
    while page["next"]:
        page = ask("things", limit=2, after=page["next"])
        assert 0 < len(page["things"]) <= 2
        everything += ids(page)

    assert everything == [
        f"acquisition-board:{BOARD}", "cabinet:PMS-1-A", "case:0241", "case:0242", "pms:PMS-1",
    ]  # fmt: skip


def test_a_list_has_one_kind_or_what_has_a_text(ask: Ask) -> None:
    assert ids(ask("things", kind="case")) == ["case:0241", "case:0242"]
    assert ids(ask("things", text="242")) == ["case:0242"]
    assert ids(ask("things", text="66bffffff3537")) == [f"acquisition-board:{BOARD}"]
    assert "kind" in ask("things", 400, kind="nothing")["message"]
    assert "limit" in ask("things", 400, limit=100_000)["message"]


def test_a_thing_says_where_it_is(ask: Ask) -> None:
    board = ask(f"things/acquisition-board/{BOARD.lower()}")

    assert board["id"] == BOARD and board["asset"] is None
    assert [place["assembly"] for place in board["installed_in"]] == ["0241", "PMS-1-A", "PMS-1"]
    assert ask("things/pms/PMS-1")["timezone"] == "Asia/Jakarta"


def test_a_history_is_read_page_by_page(ask: Ask, site: Site) -> None:
    site.remove(("acquisition-board", BOARD), at(60))
    whole = ask("things/case/0241/history")
    assert [row["verb"] for row in whole["transactions"]] == [
        "removed", "installed", "installed", "assembled",
    ]  # fmt: skip
    assert [(part["id"], part["until"] is None) for part in whole["parts"]] == [(BOARD, False)]
    assert whole["next"] is None

    seen, before = [], None
    while True:
        page = ask("things/case/0241/history", limit=1, **({"before": before} if before else {}))
        seen += page["transactions"]
        if (before := page["next"]) is None:
            break
    assert seen == whole["transactions"]


def test_a_tree_is_of_a_time(ask: Ask, site: Site) -> None:
    known = datetime.now(UTC)
    site.remove(("case", "0242"), at(60))

    def docked(**when: Any) -> list[str]:
        tree = ask("things/pms/PMS-1/tree", **when)["tree"]
        (listed,) = ask("trees", **{k: v for k, v in when.items() if k == "at"})["trees"]
        assert "as_known_at" in when or listed == tree
        return [part["id"] for part in tree["parts"][0]["parts"]]

    assert docked() == ["0241"]
    assert docked(at=at(0).isoformat()) == ["0241", "0242"]
    assert docked(as_known_at=known.isoformat()) == ["0241", "0242"]
    assert [tree["id"] for tree in ask("trees", kind="case")["trees"]] == ["0242"]
    site.register("site", "BTS-1")
    site.install(("pms", "PMS-1"), ("site", "BTS-1"))
    assert [tree["id"] for tree in ask("trees")["trees"]] == ["PMS-1"]
    assert ask("trees", kind="site")["trees"][0]["parts"][0]["id"] == "PMS-1"


def test_an_id_means_a_case_at_a_time_as_known_then(ask: Ask, site: Site) -> None:
    known = datetime.now(UTC)
    site.install(("acquisition-board", BOARD), ("case", "0242"), at(60))

    def case(**when: Any) -> str:
        (meaning,) = ask(f"lookup/{BOARD}", **when)["meanings"]
        found: str = meaning["case"]
        return found

    assert case() == "0242"
    assert case(at=at(0).isoformat()) == "0241"
    assert case(as_known_at=known.isoformat()) == "0241"
    before = (known - timedelta(days=1)).isoformat()
    ask(f"lookup/{BOARD}", 404, as_known_at=before)
    ask("things/pms/PMS-1/tree", 404, as_known_at=before)


@pytest.mark.parametrize("route", ROUTES)
def test_another_organisation_sees_nothing(
    ask: Ask, other_organisation: Organisation, organisation: Organisation, route: str
) -> None:
    theirs = other_organisation.headers
    ask(route, 403, headers=theirs, account=organisation.id)
    if "/" in route:
        unknown = route.replace("0241", "0999").replace("PMS-1", "PMS-9").replace(BOARD, "X")
        assert ask(route, 404, headers=theirs) == ask(unknown, 404, headers=theirs)
    else:
        assert ask(route, headers=theirs).popitem()[1] in ([], None)


@pytest.mark.parametrize("route", ROUTES)
def test_a_key_for_devices_does_not_read_the_registry(ask: Ask, site: Site, route: str) -> None:
    ask(route, headers=make_key(site.account_id))
    ask(route, 403, headers=make_key(site.account_id, ("pms", "PMS-1"), name="Mast"))
    ask(route, 401, headers={"x-api-key": "none"})


@pytest.mark.parametrize(
    "path", ["things/case/0999", "things/nothing/0241", "things/case/0999/history", "lookup/0999"]
)
def test_what_is_not_there_is_not_found(ask: Ask, path: str) -> None:
    assert ask(path, 404)["status"] == "NOT_FOUND"
