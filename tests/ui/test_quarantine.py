"""The quarantine's pages: what waits and why, and what may be done about it."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.session import log_in
from support.site import Site
from support.stored import belief_count, waiting
from support.telemetry import NOON, at, pack_sample, request
from werkzeug.test import TestResponse

URL = "/pms/quarantine"
Show = Callable[..., str]


@pytest.fixture
def organisation(make_organisation: Callable[..., Organisation]) -> Organisation:
    return make_organisation(roles=["account-admin"])


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation) -> Any:
    def send(*samples: dict[str, Any], who: Organisation = organisation) -> None:
        reply = client.post(
            "/pms/api/v1/devices/dataset/pms",
            data=request({"pms_id": "PMS-1"}, *samples),
            headers=who.headers,
            content_type="application/json",
        )
        assert reply.status_code == 200

    return send


@pytest.fixture
def site(client: FlaskClient, organisation: Organisation, post: Any) -> Site:
    """Three samples wait for pack 0999, and one contradicts what was stored of 0241."""
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("0241", "PMS-1-A", 1)
    post(pack_sample("0241"))
    post(pack_sample("0241", amps=77))
    post(*(pack_sample("0999", at(minute), dock=2) for minute in range(3)))
    log_in(client, organisation)
    return site


@pytest.fixture
def show(client: FlaskClient) -> Show:
    def ask(query: str = "", status: int = 200) -> str:
        reply = client.get(f"{URL}{query}")
        assert reply.status_code == status
        return unescape(reply.get_data(as_text=True))

    return ask


@pytest.fixture
def press(client: FlaskClient) -> Callable[..., TestResponse]:
    """Send the page's form, with its token unless told otherwise."""

    def send(query: str = "", *, token: bool = True, sure: bool = True, **fields: Any
             ) -> TestResponse:  # fmt: skip
        page = client.get(f"{URL}{query}").get_data(as_text=True)
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        if token and found:
            fields["csrf_token"] = found[1]
        reply = client.post(f"{URL}{query}", data=fields)
        asked = re.search(r'name="sure" value="([^"]+)"', reply.get_data(as_text=True))
        if not sure or not asked:
            return reply
        return client.post(f"{URL}{query}", data={**fields, "sure": asked[1]})

    return send


def ids(site: Site, reason: str) -> list[int]:
    return [row.id for row in waiting(site.account_id) if row.reason == reason]


def entries(text: str) -> list[str]:
    listed = re.search(r'<ul class="pms-entries">(.*?)</ul>', text, re.DOTALL)
    return re.findall(r'<li class="pms-entry">(.*?)</li>', listed[1], re.DOTALL) if listed else []


def test_what_waits_is_grouped_by_why(site: Site, show: Show) -> None:
    text = show()
    groups = re.findall(r"<strong>([^<]+)</strong>\s*<span class=\"pms-count\">([^<]+)<", text)
    assert groups == [("Unknown pack", "3 samples"), ("Contradicts an earlier reading", "1 sample")]
    assert len(entries(text)) == 4
    assert "Asia/Jakarta (UTC+07:00)" in text
    assert "measured 2026-03-01 19:00:00" in text


def test_it_can_be_filtered_and_searched(site: Site, show: Show) -> None:
    (only,) = entries(show("?reason=conflict"))
    assert "0241" in only
    assert len(entries(show("?q=0999"))) == 3
    assert len(entries(show("?q=0999&reason=unknown_pack"))) == 3
    for query in ("?q=0999&reason=conflict", "?q=%25", "?q=_", "?reason=nonsense"):
        assert "No sample matches." in show(query)


def test_it_is_paged(site: Site, show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    from flexmeasures_pms.ui.views import quarantine

    monkeypatch.setattr(quarantine, "PAGE", 3)
    first = show()
    assert len(entries(first)) == 3
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older
    second = show(older[1].removeprefix(URL))
    assert len(entries(second)) == 1
    assert 'rel="next"' not in second
    show("?before=x", status=400)


def test_what_still_can_not_be_stored_keeps_waiting(site: Site, press: Any, show: Show) -> None:
    reply = press(action="replay", which="all")
    assert (reply.status_code, reply.location) == (303, URL)
    assert "4 samples were tried again. 4 still wait" in show()
    assert "tried again" not in show()
    press(action="replay", id=ids(site, "unknown_pack")[:1])
    assert "1 sample was tried again. 1 still waits" in show()
    assert len(waiting(site.account_id)) == 4


def test_a_sample_that_can_be_stored_now_leaves(site: Site, press: Any, show: Show) -> None:
    from flexmeasures.data import db
    from sqlalchemy import func, update

    from flexmeasures_pms.storage.tables import quarantine

    # As if the pack's id had been mended without the replay that follows.
    numbers = ids(site, "unknown_pack")
    mended = update(quarantine).where(quarantine.c.id == numbers[1])
    db.session.execute(mended.values(text=func.replace(quarantine.c.text, "0999", "0241")))
    db.session.commit()
    before = belief_count(site.account_id)
    press(action="replay", id=numbers)
    text = show()
    added = belief_count(site.account_id) - before
    assert added > 20
    assert f"3 samples were tried again. 1 is stored now, which added {added} beliefs." in text
    assert "2 still wait" in text


def test_discarding_takes_a_reason_and_keeps_the_text(site: Site, press: Any, show: Show) -> None:
    (number,) = ids(site, "conflict")
    assert press(action="discard", id=[number]).status_code == 422
    assert press(action="discard", id=[number], note="  ").status_code == 422
    assert ids(site, "conflict") == [number]

    assert press(action="discard", id=[number], note="a test <b>bench</b>").status_code == 303
    assert "1 sample was discarded. Its text is kept." in show()
    assert ids(site, "conflict") == []
    (gone,) = entries(show("?discarded=1"))
    assert "a test <b>bench</b>" in gone
    assert "Discarded by User member-" in gone
    assert "77" in show(f"/{number}")
    press(action="discard", id=[number], note="again")
    assert "Nothing was discarded" in show()


def test_all_that_are_found_are_meant_and_no_others(site: Site, press: Any) -> None:
    press("?reason=unknown_pack", action="discard", which="all", note="no such pack")
    assert ids(site, "unknown_pack") == []
    assert len(ids(site, "conflict")) == 1


@pytest.mark.parametrize(
    "fields", [{"action": "replay"}, {"action": "replay", "id": ["x"]}, {"action": "sing"}, {}]
)
def test_what_makes_no_sense_changes_nothing(site: Site, press: Any, fields: Any) -> None:
    reply = press(**fields)
    assert reply.status_code == 422
    text = unescape(reply.get_data(as_text=True))
    assert "Nothing was changed" in text
    assert len(entries(text)) == 4
    assert len(waiting(site.account_id)) == 4


def test_discarding_asks_once_and_says_what_follows(site: Site, press: Any) -> None:
    numbers = ids(site, "unknown_pack")
    asked = press(sure=False, action="discard", id=numbers[:2], note="a bench")
    text = unescape(asked.get_data(as_text=True))
    assert asked.status_code == 200
    assert "Discard 2 samples?" in text
    assert "set aside with the reason" in text
    assert 'value="a bench"' in text
    assert text.count(" checked>") == 3
    assert len(waiting(site.account_id)) == 4
    sure = re.findall(r'name="sure" value="([^"]+)"', text)[0]
    other = press(sure=False, action="discard", id=numbers, note="a bench")
    assert sure not in other.get_data(as_text=True)


def test_without_a_token_nothing_is_changed(site: Site, press: Any) -> None:
    for action in ("replay", "discard"):
        reply = press(token=False, action=action, which="all", note="x")
        assert reply.status_code == 400
        assert "Open it again." in unescape(reply.get_data(as_text=True))
    assert len(waiting(site.account_id)) == 4


def test_hostile_texts_are_shown_and_do_nothing(
    site: Site, post: Any, client: FlaskClient, show: Show
) -> None:
    hostile = '"><script>alert(1)</script>{{ 7*7 }}'
    post(pack_sample(hostile[:60], NOON), pack_sample("0241", at(9), amps="</pre><script>x"))
    for number in [row.id for row in waiting(site.account_id)][-2:]:
        for address in (URL, f"{URL}/{number}"):
            raw = client.get(address).get_data(as_text=True)
            assert "<script>alert" not in raw and "<script>x" not in raw
    assert "<script>alert(1)</script>" in show()


def test_a_member_who_may_not_change_anything_only_looks(
    site: Site, client: FlaskClient, press: Any, show: Show
) -> None:
    from flexmeasures.data import db
    from flexmeasures.data.models.user import User

    member = db.session.get(User, waiting_author(site))
    assert member is not None
    member.flexmeasures_roles = []
    db.session.commit()
    text = show()
    assert len(entries(text)) == 4
    assert "csrf_token" in text and "Try to store again" not in text
    assert press(action="discard", which="all", note="x").status_code == 403
    assert len(waiting(site.account_id)) == 4


def waiting_author(site: Site) -> int:
    return int(waiting(site.account_id)[0].sender.removeprefix("user:"))


def test_another_organisation_sees_and_does_nothing(
    site: Site,
    client: FlaskClient,
    press: Any,
    show: Show,
    make_organisation: Callable[..., Organisation],
    post: Any,
) -> None:
    other = make_organisation(roles=["account-admin"])
    log_in(client, other)
    number = waiting(site.account_id)[0].id
    assert "Nothing waits in quarantine." in show()
    assert "No sample matches." in show("?q=0999")
    show(f"/{number}", status=404)
    show("/99999999", status=404)
    show(f"?organisation={site.account_id}", status=404)
    post(pack_sample("0777"), who=other)
    press(action="discard", id=[number], note="x")
    press(action="replay", id=[number])
    assert press(f"?organisation={site.account_id}", action="discard", which="all", note="x",
                 ).status_code in (400, 404, 422)  # fmt: skip
    assert len(waiting(site.account_id)) == 4


def test_who_is_not_logged_in_is_sent_to_the_login_page(client: FlaskClient) -> None:
    assert client.get(URL).location.startswith("/login")
    assert client.post(URL, data={"action": "replay", "which": "all"}).status_code in (302, 400)
