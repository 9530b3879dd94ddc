"""What an earlier version stored is taken over by ``flexmeasures pms adopt``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from support import stored
from support.commands import Command, Failure
from support.earlier import earlier, unwritten, upgraded
from support.queue import RealQueue
from support.site import Site
from support.telemetry import at, pack_sample, request
from werkzeug.test import TestResponse

from flexmeasures_pms.serving import readiness

BOARD = ("acquisition-board", "66CFF353734574E43231516")
LOWER = "66cff353734574e43231516"
# 12:14, 12:16 and 12:20: the second is of another quarter of an hour than the first.
MINUTES = (14, 16, 20)
Post = Callable[..., TestResponse]


@pytest.fixture
def site(nobody_else: None, organisation: Organisation) -> Site:
    """A case with a board, which is in another case as well later on."""
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("A", "PMS-1-A", 1)
        new.case("B", "PMS-1-A", 2)
        new.register(*BOARD)
    site.install(BOARD, ("case", "A"))
    site.install(BOARD, ("case", "B"), at=at(600))
    return site


@pytest.fixture
def post(client: FlaskClient, organisation: Organisation) -> Post:
    def send(*samples: object) -> TestResponse:
        return client.post(
            "/pms/api/v1/devices/dataset/pms",
            data=request({"pms_id": "PMS-1"}, *samples),
            headers=organisation.headers,
            content_type="application/json",
        )

    return send


def receipt(reply: TestResponse) -> dict[str, Any]:
    assert reply.status_code == 200, reply.get_data(as_text=True)
    found: dict[str, Any] = reply.get_json()["receipt"]
    return {name: found[name] for name in ("stored", "duplicate", "quarantined")}


def log() -> list[Any]:
    """All samples, their readings as text."""
    query = "SELECT subject_id, event_time, device_id, source_id, board_id, repeats, readings::text"
    return list(db.session.execute(sa.text(f"{query} FROM pms_sample ORDER BY 1, 2, 3")))


def sensor(account_id: int, name: str) -> int:
    query = sa.select(Sensor.id).join(GenericAsset, GenericAsset.id == Sensor.generic_asset_id)
    query = query.where(GenericAsset.account_id == account_id, Sensor.name == name)
    found: int = db.session.scalars(query.where(GenericAsset.external_id == "case:A")).one()
    return found


def board_sample(minutes: float, **changed: Any) -> dict[str, Any]:
    return pack_sample(LOWER, at(minutes), dock=None, **changed)


SAMPLES = tuple(board_sample(minutes) for minutes in MINUTES)
OTHERS = (pack_sample("B", at(20)), pack_sample("B", at(60 * 48), amps=-0.0))


@pytest.fixture
def as_before(site: Site, post: Post) -> Iterator[list[Any]]:
    """Samples as an earlier version has stored them; returns the log that they had."""
    assert receipt(post(*SAMPLES, *OTHERS))["stored"] == len(SAMPLES) + len(OTHERS)
    had = log()
    with earlier():
        # Then, a reading could repeat one of 15 minutes before.
        unwritten(sensor(site.account_id, "cell 01 open"), at(16))
        upgraded()
        yield had


def test_until_it_is_adopted_nothing_is_accepted_and_everybody_says_so(
    as_before: list[Any], post: Post, client: FlaskClient, pms: Command, fails: Failure
) -> None:
    says = "run `flexmeasures pms adopt`"
    reply = post(*SAMPLES)
    assert reply.status_code == 503
    assert says in reply.get_json()["message"]
    assert client.get("/pms/api/v1/health").status_code == 503
    assert says in fails("tree")
    assert "run `flexmeasures pms adopt`: until then" in pms("db", "upgrade").stdout.replace(
        "\n", " "
    )
    assert log() == []


def test_queued_requests_wait_for_it(
    as_before: list[Any], queue: RealQueue, post: Post, pms: Command
) -> None:
    queue.app.extensions[readiness.FLAG] = True  # of a process that has looked before the upgrade
    assert post(board_sample(30)).status_code == 202
    queue.work()
    assert log() == []
    pms("adopt")
    queue.let_time_pass()
    queue.work()
    assert [row.event_time for row in log() if row.board_id] == [at(n) for n in (*MINUTES, 30)]


def test_what_was_stored_is_known_afterwards(
    as_before: list[Any], site: Site, post: Post, pms: Command
) -> None:
    before = stored.beliefs(site.account_id, "case:A")
    said = " ".join(pms("adopt").stdout.split())
    beliefs = sum(map(len, (before, stored.beliefs(site.account_id, "case:B")))) + 1
    assert said == (
        f"The log has 5 samples of 2 things now, with the very values of all of {beliefs} beliefs."
        " It added 1 belief, of readings that had been left out since they repeat one of the"
        " quarter of an hour before."
    )
    assert log() == as_before
    assert stored.beliefs(site.account_id, "case:A").items() >= before.items()
    assert "already: nothing to do" in pms("adopt").stdout

    assert receipt(post(*SAMPLES, *OTHERS)) == {"stored": 0, "duplicate": 5, "quarantined": 0}
    assert receipt(post(board_sample(16, amps=7))) == {
        "stored": 0, "duplicate": 0, "quarantined": 1,
    }  # fmt: skip
    assert receipt(post(board_sample(17)))["stored"] == 1


def test_corrections_of_boards_move_what_was_adopted(
    as_before: list[Any], site: Site, pms: Command
) -> None:
    pms("adopt")
    (line,) = site.correct(BOARD, into="B", since=at(15)).lines
    assert str(line).endswith("of 2 samples from case A to case B.")
    assert sorted(stored.times(site.account_id, "case:A")) == [at(14)]
    assert sorted(stored.times(site.account_id, "case:B")) == [at(16), at(20), at(60 * 48)]


def test_what_the_log_has_already_is_kept_and_told(
    as_before: list[Any], site: Site, post: Post, pms: Command
) -> None:
    *key, readings = as_before[-1]
    _, _, others = readings.partition(",")
    db.session.execute(
        sa.text(
            "INSERT INTO pms_sample (subject_id, event_time, device_id, source_id, board_id,"
            " repeats, readings) VALUES (:a, :b, :c, :d, :e, :f, '{7}')"
        ),
        dict(zip("abcdef", key, strict=True)),
    )
    said = " ".join(pms("adopt").stdout.split())
    assert "with the very values of all but 1 belief of" in said
    *rest, last = log()
    assert rest == as_before[:-1]
    assert last.readings == f"{{7,{others}"
