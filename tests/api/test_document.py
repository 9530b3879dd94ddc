"""The OpenAPI document: valid, complete, and of use to somebody who makes a client of it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from conftest import Organisation, apart
from flask import Flask
from openapi_python_client import generate
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_spec_validator import validate
from support.gateways import make_key
from support.site import Site
from support.site_orders import site_orders
from support.telemetry import CELLS, NOON, at, wire_time

from flexmeasures_pms.api.routes import ROUTES, openapi_document

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "openapi.json"
CLIENT = "generated_pms_client"


def test_it_passes_a_validator() -> None:
    validate(openapi_document())


def test_every_operation_has_an_id_of_its_own_and_says_what_it_replies() -> None:
    ids = [route.operation for route in ROUTES]
    assert len(set(ids)) == len(ids)
    for path in openapi_document()["paths"].values():
        for operation in path.values():
            for code, response in operation["responses"].items():
                assert response["description"]
                assert ("content" in response) == (code != "304")


def test_every_parameter_and_every_type_is_described() -> None:
    document = openapi_document()
    operations = [one for path in document["paths"].values() for one in path.values()]
    parameters = [one for operation in operations for one in operation["parameters"]]
    schemas = document["components"]["schemas"]
    assert [one["name"] for one in parameters if not one["description"]] == []
    assert [name for name, schema in schemas.items() if not schema["description"]] == []


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A client made of the document in docs/, as a package that can be imported."""
    folder = tmp_path_factory.mktemp("client")
    config = Config.from_sources(
        ConfigFile(post_hooks=[]),
        MetaType.NONE,
        document_source=DOCUMENT,
        file_encoding="utf-8",
        overwrite=False,
        output_path=folder / CLIENT,
    )
    left_out = {error.detail for error in generate(config=config)}
    # The generator knows no body that is text; our own need none but JSON.
    assert left_out == {"Unsupported content type text/csv"}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield CLIENT
        for name in [name for name in sys.modules if name.partition(".")[0] == CLIENT]:
            patch.delitem(sys.modules, name)


class Made:
    """The client, with the key of a gateway, talking to the app without a network."""

    def __init__(self, package: str, app: Flask, headers: dict[str, str]) -> None:
        self.package = package
        self.app = app
        self.models: Any = self.module("models")
        self.client = self.module("client").Client(
            base_url="http://localhost",
            headers=headers,
            httpx_args={"transport": httpx.WSGITransport(app=app)},
        )

    def module(self, name: str) -> ModuleType:
        return importlib.import_module(f"{self.package}.{name}")

    def call(self, operation: str, *path: Any, **parameters: Any) -> Any:
        with apart(self.app):
            called = self.module(f"api.{operation}")
            return called.sync(*path, client=self.client, **parameters)


@pytest.fixture
def made(package: str, app_context: Flask, organisation: Organisation) -> Made:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("0241", "PMS-1-A", 1)
    return Made(package, app_context, make_key(organisation.id))


def test_a_client_made_of_it_posts_a_sample_and_reads_what_became_of_it(made: Made) -> None:
    models = made.models
    cell = models.CellReadings(open_=[3], volts=[float(volts) for volts in CELLS])
    pack = models.PackBody(id="0241", dock=1, amps=-0.625, temp=[35.0, 33.0, None], cell=cell)
    sample = models.PackSample(time_local=wire_time(NOON), pack=pack)
    status = models.EhubStatus(code="0001", temp=48.3)
    dataset = models.PmsDataset(pms_id="PMS-1", status=status, data=[sample])

    posted = made.call(
        "telemetry.post_dataset",
        models.PostDatasetDataset.PMS,
        body=models.PmsRequest(datasets=[dataset]),
    )
    assert isinstance(posted, models.DatasetProcessed)
    assert (posted.receipt.samples, posted.receipt.stored, posted.problems) == (1, 1, [])

    receipt = made.call("receipts.get_receipt", posted.receipt.id)
    assert isinstance(receipt, models.ProcessedReceipt)
    assert (receipt.digest, receipt.stored) == (posted.receipt.digest, 1)

    rack = made.call("readings.get_rack", "PMS-1")
    assert isinstance(rack, models.Rack)
    first = rack.cabinets[0].docks[0].occupant
    assert isinstance(first, models.Occupant)
    assert (first.pack.id, first.pack.time, first.pack.cells[2].open_) == ("0241", NOON, True)

    history = made.call("readings.get_history", "0241", start=at(-60), end=at(60))
    assert isinstance(history, models.History)
    by_name = {series.name: series for series in history.series}
    assert by_name["pack current"].values[0] == -0.625
    assert history.reporters[0].id == "PMS-1"


def test_a_client_made_of_it_builds_a_site_and_follows_its_changes(
    package: str, app_context: Flask, make_organisation: Callable[..., Organisation]
) -> None:
    made = Made(package, app_context, make_organisation(roles=["account-admin"]).headers)
    site = {"key": "site", "orders": site_orders(), "note": "built"}
    swap = {"order": "swap", "old": "PMS-1-C1-P01-ACQ", "new": "ACQ-NEW"}
    fix = {"order": "correct", "id": "ACQ-NEW", "since": "2026-03-01T00:00:00Z", "note": "earlier"}
    asked = made.models.OrdersRequest.from_dict
    built = made.call("registry.post_orders", body=asked(site))
    swapped = made.call("registry.post_orders", body=asked({"key": "swap", "orders": [swap, fix]}))
    assert all(one.changed for one in (*built.orders, *swapped.orders))

    again = made.call("registry.post_orders", body=asked(site))
    assert again.repeated and again.request_id == built.request_id
    numbers, since = [], 0
    while (page := made.call("registry.list_changes", since=since, limit=1000)).changes:
        numbers += [change.number for change in page.changes]
        since = page.next_
    assert numbers == sorted(set(numbers)) and numbers[-1] == swapped.last_change
    tree = made.call("registry.get_thing_tree", "pms", "PMS-1").tree
    packs = [pack for cabinet in tree.parts for pack in cabinet.parts if pack.kind == "case"]
    assert len(tree.parts) == 4 and len(packs) == 48
    (meaning,) = made.call("registry.look_up_id", "ACQ-NEW").meanings
    assert meaning.case == "PMS-1-C1-P01"


def test_the_client_knows_an_error(made: Made) -> None:
    refused = made.call("readings.get_rack", "PMS-2")
    assert isinstance(refused, made.models.Error)
    assert refused.status == "NOT_FOUND"
