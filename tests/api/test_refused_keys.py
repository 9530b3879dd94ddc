"""What the host's log says of refused keys: enough to find the gateway, and never too much."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from support.gateways import AUTHOR, make_key
from support.telemetry import pack_sample, request

from flexmeasures_pms.api.refused_keys import (
    LOG,
    MINUTE,
    MOST_LINES,
    MOST_UNKNOWN_LINES,
    RefusalLog,
)
from flexmeasures_pms.gateways import keys, manage
from flexmeasures_pms.gateways.tables import gateway_key

URL = "/pms/api/v1/devices/dataset/pms"
BODY = request({"pms_id": "PMS-1"}, pack_sample("0241"))
Send = Callable[..., list[str]]


@pytest.fixture
def send(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> Iterator[Send]:
    """Send requests with a key, and return what was logged of it."""

    def refused(key: str, status: int = 401, url: str = URL, times: int = 1) -> list[str]:
        caplog.clear()
        with caplog.at_level(logging.ERROR):
            for _ in range(times):
                headers = {"x-api-key": key}
                reply = client.post(
                    url, data=BODY, headers=headers, content_type="application/json"
                )
                assert reply.status_code == status
        return [r.getMessage() for r in caplog.records if "refused" in r.getMessage()]

    LOG.forget()
    yield refused
    LOG.forget()


def test_each_reason_is_logged_with_the_keys_id(organisation: Organisation, send: Send) -> None:
    good = make_key(organisation.id, ("pms", "PMS-2"), name="good")["x-api-key"]
    revoked = make_key(organisation.id, name="revoked")["x-api-key"]
    manage.revoke(manage.find("revoked", organisation.id), AUTHOR)
    expired = make_key(
        organisation.id, name="expired", expires_at=datetime.now(UTC) + timedelta(hours=1)
    )["x-api-key"]
    expiry = sa.update(gateway_key).where(gateway_key.c.id == keys.key_id(expired))
    db.session.execute(expiry.values(expires_at=datetime.now(UTC)))
    wrong = good[:-1] + ("0" if good[-1] != "0" else "1")
    unknown = keys.make().text

    for key, why in (
        (revoked, "it is revoked"),
        (expired, "it has expired"),
        (wrong, "its secret is wrong"),
        (unknown, "there is none of this id"),
    ):
        (line,) = send(key)
        which = f"(key {keys.key_id(key)}, from 127.0.0.1)"
        assert line == f"A gateway's key was refused: {why} {which}."
    (line,) = send("nonsense\x7f")
    assert "it has not the form of a key (no key id," in line
    assert "nonsense" not in line
    (line,) = send(good, status=403)
    assert "it is not for the devices that the request names" in line
    (line,) = send(good, status=403, url=f"{URL}?account=99999999")
    assert "it is not for the organisation that the request names" in line


def test_a_secret_is_never_logged(
    organisation: Organisation, send: Send, caplog: pytest.LogCaptureFixture
) -> None:
    key = make_key(organisation.id)["x-api-key"]
    manage.revoke(manage.find("North mast", organisation.id), AUTHOR)
    for sent in (key, key + "0", key.upper(), key[:-8]):
        send(sent)
        assert key[20:60].lower() not in caplog.text.lower()


def test_a_good_key_is_not_logged(organisation: Organisation, send: Send) -> None:
    assert send(make_key(organisation.id)["x-api-key"], status=200) == []


def test_a_flood_leaves_a_few_lines(send: Send) -> None:
    assert len(send(keys.make().text, times=20)) == 1
    lines = [line for _ in range(3 * MOST_LINES) for line in send(keys.make().text)]
    assert len(lines) == MOST_UNKNOWN_LINES - 1


def test_a_flood_of_made_up_keys_does_not_hide_a_revoked_one(
    organisation: Organisation, send: Send
) -> None:
    revoked = make_key(organisation.id)["x-api-key"]
    manage.revoke(manage.find("North mast", organisation.id), AUTHOR)
    for _ in range(2 * MOST_LINES):
        send(keys.make().text)
    (line,) = send(revoked)
    assert f"it is revoked (key {keys.key_id(revoked)}," in line


def test_what_had_no_line_is_counted_in_the_next_minute() -> None:
    now, lines = [0.0], list[str]()
    log = RefusalLog(lines.append, lambda: now[0])
    for n in range(1000):
        log.add(("it is revoked", f"{n:012x}", "127.0.0.1"), known=True)
    assert len(lines) == MOST_LINES
    now[0] += MINUTE
    log.add(("it is revoked", "0" * 12, "127.0.0.1"), known=True)
    assert lines[MOST_LINES:] == [
        "990 more requests with refused keys had no line.",
        f"A gateway's key was refused: it is revoked (key {'0' * 12}, from 127.0.0.1).",
    ]
    for _ in range(100):
        now[0] += MINUTE
        log.add(("it is revoked", "0" * 12, "127.0.0.1"), known=True)
    assert len(lines) == MOST_LINES + 2 + 100
