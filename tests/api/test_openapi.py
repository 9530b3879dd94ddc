"""The OpenAPI document, held against the plugin by Schemathesis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from conftest import Organisation, apart
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance
from support import fuzz
from support.profiles import examples
from support.queue import RealQueue
from support.site import Site

EXAMPLES = 40
Operation = schemathesis.APIOperation[Any, Any, Any, Any]
DOCUMENT = "/pms/api/v1/openapi.json"


@pytest.fixture
def sender(make_organisation: Callable[..., Organisation]) -> Organisation:
    organisation = make_organisation()
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("0241", "PMS-1-A", 1)
    return organisation


def operations(app: Flask) -> list[Operation]:
    # Made up keys would have most requests refused before anything is looked at.
    config = schemathesis.config.SchemathesisConfig.from_dict(
        {"generation": {"with-security-parameters": False}}
    )
    with app.app_context():
        schema = schemathesis.openapi.from_wsgi(DOCUMENT, app, config=config)
    found = []
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        found.append(result.ok())
    return found


def beside_the_point(case: schemathesis.Case[Any]) -> list[Any]:
    """Checks that do not hold here: credentials are the test's own, and tested elsewhere.

    Which CSV, which compressed bodies, which periods and which orders are accepted is more than a
    schema can say.
    """
    headers: Any = case.headers or {}
    query: Any = case.query or {}
    opaque = (
        case.media_type == "text/csv"
        or "Content-Encoding" in headers
        or case.path.endswith("/orders")
        or not query.keys().isdisjoint({"at", "as_known_at", "since", "until", "start", "end"})
    )
    return [ignored_auth, *([positive_data_acceptance] if opaque else [])]


def name_what_is_there(case: schemathesis.Case[Any]) -> None:
    """Ask for what the sender has: any other id is mostly nobody's."""
    case.query.pop("account", None)
    if "ident" in case.path_parameters:
        case.path_parameters["ident"] = "0241" if "/devices/" in case.path else "PMS-1"
    if "kind" in case.path_parameters:
        case.path_parameters["kind"] = "pms"


def test_every_route_does_what_the_document_says(app_context: Flask, sender: Organisation) -> None:
    found = operations(app_context)
    assert len(found) >= 3
    hold(app_context, sender, found)


def test_requests_that_are_kept_do_what_the_document_says(
    queue: RealQueue, sender: Organisation
) -> None:
    found = [o for o in operations(queue.app) if "dataset" in o.path or "receipts" in o.path]
    assert len(found) == 4
    hold(queue.app, sender, found)


def hold(
    app_context: Flask,
    sender: Organisation,
    found: list[Operation],
) -> None:
    for operation in found:

        @settings(
            max_examples=examples(EXAMPLES),
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), known=st.booleans())
        def hold_to_the_document(case: schemathesis.Case[Any], known: bool) -> None:
            if known:
                name_what_is_there(case)
            with apart(app_context):
                reply = case.call(
                    headers={"Authorization": sender.token, "Accept-Encoding": "identity"}
                )
                fuzz.note(case.operation.label, reply.status_code)
                assert reply.status_code < 500 or reply.status_code == 503, reply.text
                case.validate_response(reply, excluded_checks=beside_the_point(case))

        hold_to_the_document()
