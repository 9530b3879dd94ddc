"""The forms of the registry: opening one, and what was entered by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from conftest import Organisation
from flask.testing import FlaskClient
from flexmeasures.data import db
from support.forms import submit
from support.site import Site
from werkzeug.test import TestResponse

from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.registry.tables import transaction

MakeOrganisation = Callable[..., Organisation]

NOON, NOON_THERE = "2026-03-01T12:00:00+07:00", "2026-03-01T12:00:00"


def build(organisation: Organisation) -> Site:
    """A PMS with a cabinet, a case in dock 6 with a board, and a case in no dock."""
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("269", "PMS-1-A", 6)
        new.register("acquisition-board", "B269")
    site.install(("acquisition-board", "B269"), ("case", "269"))
    site.case("270")
    return site


def text_of(reply: TestResponse) -> str:
    return reply.get_data(as_text=True)


def address(kind: str, ident: str, action: str) -> str:
    if kind == "register":
        return f"/pms/registry/register?kind={ident}"
    return f"/pms/registry/{kind}/{ident}?do={action}"


def in_indonesian(client: FlaskClient) -> FlaskClient:
    client.set_cookie("pms_lang", "id")
    return client


def form(client: FlaskClient, kind: str, ident: str, action: str, query: str = "") -> str:
    reply = client.get(address(kind, ident, action) + query)
    assert reply.status_code == 200, text_of(reply)
    return text_of(reply)


def place(account_id: int, kind: str, ident: str) -> tuple[str, int | None] | None:
    """Where something is now: the id of what it is in, and its place there."""
    registered = load_directory(account_id)
    found = registered.find(kind, ident)
    row = registered.by_part.get(found.id, ())[-1:] if found else ()
    if not row or row[0].end.year < 9000:
        return None
    return registered.entry(row[0].assembly_id).ident, row[0].place


def entered(account_id: int) -> list[Any]:
    query = sa.select(transaction).where(transaction.c.account_id == account_id)
    return list(db.session.execute(query.order_by(transaction.c.id)))


def confirmed(client: FlaskClient, page: str, **values: Any) -> TestResponse:
    """Send the form of a page that asks before it changes anything, and say yes."""
    asked = submit(client, page, **values)
    assert asked.status_code == 200, text_of(asked)
    return submit(client, text_of(asked), sure=True)
