"""Registry files over HTTP: the answers of command and page, as data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conftest import Organisation
from flask.testing import FlaskClient
from support.gateways import make_key

from flexmeasures_pms.registry.importing.limits import MOST_BYTES, MOST_CHANGES
from flexmeasures_pms.registry.loading import snapshot

URL = "/pms/api/v1/registry/imports"
FILE = """pms.id,cabinet.id,dock,pack.id,board.id,colour
PMS-1,C-1,1,0241,B-1,red
PMS-1,C-1,2,0242,B-2,
"""

Send = Callable[..., Any]


@pytest.fixture
def admin(make_organisation: Callable[..., Organisation]) -> Organisation:
    return make_organisation(roles=["account-admin"])


@pytest.fixture
def send(client: FlaskClient, admin: Organisation) -> Send:
    def post(
        data: str | bytes,
        code: int = 200,
        headers: Any = None,
        kind: str = "text/csv",
        **query: Any,
    ) -> Any:
        reply = client.post(
            URL, data=data, content_type=kind, query_string=query,
            headers=headers or admin.headers,
        )  # fmt: skip
        assert reply.status_code == code, reply.get_data(as_text=True)
        return reply.get_json()

    return post


def registered(admin: Organisation) -> set[str]:
    return {entry.ident for entry in snapshot.read(admin.id).entries.values()}


def test_a_file_is_tried_and_imported_once(send: Send, admin: Organisation) -> None:
    tried = send(FILE, dry_run="true")
    assert (tried["dry_run"], tried["written"], tried["changed"], tried["rows"]) == (
        True, False, 2, 2,
    )  # fmt: skip
    assert any(line.startswith("Line 2: Would register") for line in tried["messages"])
    assert tried["ignored"] == ["colour"]
    assert registered(admin) == set()

    done = send(FILE, name="cases.csv")
    assert done["written"] and (done["changed"], done["same"], done["faulty"]) == (2, 0, 0)
    assert registered(admin) == {"PMS-1", "C-1", "0241", "0242", "B-1", "B-2"}
    again = send(FILE)
    assert (again["changed"], again["same"]) == (0, 2)


def test_a_faulty_line_refuses_the_file_or_is_left_out(send: Send, admin: Organisation) -> None:
    faulty = FILE + "PMS-1,C-1,3,N/A,,\n"
    reply = send(faulty, 422)
    assert [one["path"] for one in reply["problems"]] == ["line 4"]
    assert "placeholders=true" in reply["problems"][0]["message"]
    assert registered(admin) == set()
    assert send(faulty, dry_run="true")["faults"] == reply["problems"]

    done = send(faulty, skip_faulty="true")
    assert done["written"] and done["faults"] == reply["problems"] and done["faulty"] == 1
    assert "0242" in registered(admin) and "N/A" not in registered(admin)


def test_who_may_not_import_is_refused(
    send: Send, admin: Organisation, organisation: Organisation, other_organisation: Organisation
) -> None:
    for headers in (other_organisation.headers, make_key(admin.id)):
        send(FILE, 403, headers=headers, account=admin.id)
    send(FILE, 403, headers=organisation.headers)
    send(FILE, 401, headers={"x-api-key": "none"})
    assert registered(admin) == registered(organisation) == set()


@pytest.mark.parametrize(
    ("data", "code", "query"),
    [
        (b"", 422, {}),
        (b"\xff\xfe\x00", 422, {}),
        (b"\x00" * 1000, 422, {}),
        (b"nothing,known\n1,2\n", 422, {}),
        (b"pack.id\n" + b"0" * MOST_BYTES, 413, {}),
        (FILE.encode(), 400, {"dry_run": "maybe"}),
        (FILE.encode(), 400, {"name": "x" * 201}),
        (FILE.encode(), 415, {"kind": "application/json"}),
    ],
)
def test_what_is_no_registry_file_is_refused(
    send: Send, admin: Organisation, data: bytes, code: int, query: dict[str, str]
) -> None:
    assert send(data, code, **query)["message"]
    assert registered(admin) == set()


def test_a_file_of_many_changes_is_to_be_sent_in_pieces(send: Send, admin: Organisation) -> None:
    many = "pack.id\n" + "".join(f"X-{n}A\n" for n in range(MOST_CHANGES + 1))
    assert "in pieces" in send(many, 422)["message"]
    assert registered(admin) == set()
