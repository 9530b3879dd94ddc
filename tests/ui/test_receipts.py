"""The log of what was received, as a page."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from support.gateways import make_key
from support.session import log_in
from support.site import Site
from support.telemetry import at, converter_sample, pack_sample, request

from flexmeasures_pms.storage import tables
from flexmeasures_pms.storage.intake import journal

URL = "/pms/receipts"
Show = Callable[..., str]


@pytest.fixture
def site(client: FlaskClient, organisation: Organisation) -> Site:
    """Three requests: by a gateway, by the member (one unknown pack), and of an MPPT."""
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("0241", "PMS-1-A", 1)
        new.register("mppt", "MPPT-1")
    pms = {"pms_id": "PMS-1"}
    key = make_key(organisation.id, name='North <i>"mast"')
    for dataset, headers, body in (
        ("pms", key, request(pms, pack_sample("0241"), pack_sample("0241", at(1)))),
        ("pms", organisation.headers, request(pms, pack_sample("0241"), pack_sample("0999"))),
        ("mppt", organisation.headers, request({"mppt_id": "MPPT-1"}, converter_sample())),
    ):
        reply = client.post(
            f"/pms/api/v1/devices/dataset/{dataset}",
            data=body,
            headers=headers,
            content_type="application/json",
        )
        assert reply.status_code == 200
    log_in(client, organisation)
    return site


@pytest.fixture
def show(client: FlaskClient) -> Show:
    def ask(query: str = "", status: int = 200) -> str:
        reply = client.get(f"{URL}{query}")
        assert reply.status_code == status
        return unescape(reply.get_data(as_text=True))

    return ask


def rows(text: str, which: int = 0) -> list[list[str]]:
    bodies = re.findall(r"<tbody>(.*?)</tbody>", text, re.DOTALL)
    found = re.findall(r"<tr>(.*?)</tr>", bodies[which], re.DOTALL) if bodies else []
    cells = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in found]
    return [[" ".join(re.sub("<[^>]*>", " ", cell).split()) for cell in row] for row in cells]


def numbers(site: Site) -> list[int]:
    query = "SELECT id FROM pms_receipt WHERE account_id = :a ORDER BY id"
    return list(db.session.scalars(sa.text(query), {"a": site.account_id}))


def test_the_newest_is_first_with_what_became_of_it(site: Site, show: Show) -> None:
    mppt, second, first = rows(show())
    assert mppt[4:11] == ["mppt", "1", "1", "0", "0", "0", "1"]
    assert second[4:11] == ["pms", "2", "0", "1", "1 ▲", "0", "2"]
    assert first[4:11] == ["pms", "2", "2", "0", "0", "0", "2"]
    assert second[2].startswith("User member-")
    assert first[2] == 'Gateway North "mast"'  # less the tag that its name has in it
    assert len(first[3]) > 5 and second[3] == "–"
    assert second[1] == str(numbers(site)[1])


def test_it_can_be_filtered(site: Site, show: Show) -> None:
    key = rows(show())[2][3]
    assert len(rows(show(f"?key={key}"))) == 1
    assert len(rows(show("?dataset=mppt"))) == 1
    assert len(rows(show("?sender=gateway:North%20%3Ci%3E%22mast%22"))) == 1
    assert len(rows(show("?since=2020-01-01T00:00"))) == 3
    for query in ("?since=2099-01-01T00:00", "?key=none", "?sender=gateway:South"):
        assert "No receipt matches." in show(query)
    for odd in ("soon", "2999-01-01T00:00", "1999-01-01T00:00", "9999-12-31T23:59-12:00"):
        assert "since" in show(f"?since={odd}", status=400)


def test_it_is_paged(site: Site, show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    from flexmeasures_pms.ui.views import receipts

    monkeypatch.setattr(receipts, "PAGE", 2)
    first = show()
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older and len(rows(first)) == 2
    assert len(rows(show(older[1].removeprefix(URL)))) == 1


def test_one_receipt_is_told_in_full(site: Site, show: Show) -> None:
    text = show(f"/{numbers(site)[1]}")
    facts = dict(re.findall(r"<dt>([^<]+)</dt><dd>(?:<[^>]*>)?([^<]*)", text))
    assert (facts["Samples"], facts["stored"], facts["duplicate"]) == ("2", "0", "1")
    assert facts["Dataset"] == "pms"
    assert "sha256:" in text


@pytest.mark.parametrize(
    ("counts", "level", "words"),
    [
        ({"samples": 2, "stored": 2}, "good", "stored"),
        ({"samples": 3, "stored": 1, "duplicate": 1, "no_answer": 1}, "good", "stored"),
        ({"samples": 2, "stored": 1, "quarantined": 1}, "warn", "stored in part"),
        ({"samples": 2, "quarantined": 2}, "warn", "nothing stored: in quarantine"),
        ({"samples": 2, "refused": 2}, "bad", "nothing stored: refused"),
        (
            {"samples": 2, "refused": 1, "quarantined": 1},
            "bad",
            "nothing stored: refused in part, in part in quarantine",
        ),
        (
            {"samples": 10, "duplicate": 9, "quarantined": 1},
            "warn",
            "nothing new: stored before in part, in part in quarantine",
        ),
        (
            {"samples": 10, "duplicate": 9, "refused": 1},
            "bad",
            "nothing new: stored before in part, the rest refused",
        ),
        ({"samples": 2, "duplicate": 2}, "notice", "nothing new: all of it was stored before"),
        ({"samples": 1, "no_answer": 1}, "none", "nothing stored: no pack answered"),
        ({"samples": 0}, "none", "nothing stored: no samples"),
    ],
)
def test_a_receipt_says_what_became_of_it(
    site: Site, show: Show, counts: dict[str, int], level: str, words: str
) -> None:
    number = numbers(site)[0]
    nothing = dict.fromkeys(tables.COUNTS, 0)
    changed = sa.update(tables.receipt).where(tables.receipt.c.id == number)
    db.session.execute(changed.values(nothing | counts))
    db.session.commit()
    text = show(f"/{number}")
    assert f'data-level="{level}">{words}</span>' in text


def test_what_is_not_stored_yet_is_told_first(site: Site, show: Show) -> None:
    states = ("waiting", "failed")
    found = [wait(site, lane) for lane in range(len(states))]
    for number, state in zip(found, states, strict=True):
        changed = sa.update(tables.journal).where(tables.journal.c.id == number)
        db.session.execute(changed.values(state=state, last_error="a <b>disk</b> is full"))
    db.session.commit()

    text = show()

    assert [(row[0], row[5]) for row in rows(text)] == [
        (str(found[1]), "failed"),
        (str(found[0]), "waits for a worker"),
    ]
    assert "1 failed" in text and "1 waits" in text
    assert len(rows(text, 1)) == 3
    assert "a <b>disk</b> is full" in show(f"/{found[1]}")


def wait(site: Site, lane: int) -> int:
    return journal.add(
        journal.Waiting(
            site.account_id, datetime.now(UTC), "user:1", None, "pms", "application/json", "",
            b"digest", 4, [site.account_id * 10 + lane], b"body",
        )
    )  # fmt: skip


def test_nothing_received_says_what_to_do(
    client: FlaskClient, organisation: Organisation, show: Show
) -> None:
    log_in(client, organisation)
    assert "Create a key for a gateway" in show()


def test_hostile_names_are_shown_and_do_nothing(site: Site, client: FlaskClient) -> None:
    raw = client.get(URL).get_data(as_text=True)
    assert "<i>" not in raw
    assert "North &lt;i&gt;" in raw


def test_another_organisation_sees_nothing(
    site: Site, client: FlaskClient, show: Any, other_organisation: Organisation
) -> None:
    number, waits = numbers(site)[0], wait(site, 0)
    client.get("/logout")
    log_in(client, other_organisation)
    text = show()
    assert "Nothing was received yet." in text and "North" not in text
    show(f"?organisation={site.account_id}", status=404)
    replies = [show(f"/{n}", status=404) for n in (number, waits, 10**12)]
    assert len({text[text.index("<main") : text.index("</main")] for text in replies}) == 1
    show(f"/{1 << 63}", status=404)
