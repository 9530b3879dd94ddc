"""Several workers at once: correct, without deadlock, whatever the order."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from conftest import Organisation
from flask import Flask
from support import stored
from support.site import Site
from support.telemetry import at, converter_sample, pack_sample, request

PACKS = [f"{n:04d}" for n in range(241, 247)]


def post_all(
    app: Flask, organisation: Organisation, requests: list[tuple[str, str]]
) -> list[dict[str, Any]]:
    """Send requests from four threads, and return the receipts."""

    def send(item: tuple[str, str]) -> dict[str, Any]:
        dataset, body = item
        with app.app_context():
            reply = app.test_client().post(
                f"/pms/api/v1/devices/dataset/{dataset}",
                data=body,
                headers=organisation.headers,
                content_type="application/json",
            )
            assert reply.status_code == 200, reply.get_data(as_text=True)
            receipt: dict[str, Any] = reply.get_json()["receipt"]
            return receipt

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(send, requests))


def test_the_same_samples_from_four_workers_are_stored_once(
    app_context: Flask, organisation: Organisation
) -> None:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.cases({pack: dock for dock, pack in enumerate(PACKS, start=1)}, "PMS-1-A")
    samples = [pack_sample(p, at(n), dock=d) for n in range(4) for d, p in enumerate(PACKS, 1)]
    shuffle = random.Random(7).sample
    requests = [("pms", request({"pms_id": "PMS-1"}, *shuffle(samples, 24))) for _ in range(8)]

    receipts = post_all(app_context, organisation, requests)

    assert sum(receipt["stored"] for receipt in receipts) == 24
    assert sum(receipt["duplicate"] for receipt in receipts) == 7 * 24
    known = [stored.filled(organisation.id, f"case:{pack}") for pack in PACKS]
    assert sum(map(len, known)) == 24 * 42
    assert stored.waiting(organisation.id) == []


def test_of_two_workers_with_different_readings_one_stands(
    app_context: Flask, organisation: Organisation
) -> None:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.case("0241", "PMS-1-A", 1)
    requests = [
        ("pms", request({"pms_id": "PMS-1"}, pack_sample("0241", amps=float(n)))) for n in range(8)
    ]

    receipts = post_all(app_context, organisation, requests)

    assert sum(receipt["stored"] for receipt in receipts) == 1
    assert sum(receipt["quarantined"] for receipt in receipts) == 7
    assert len(stored.waiting(organisation.id)) == 7


def test_sources_and_sensors_are_made_once(app_context: Flask, organisation: Organisation) -> None:
    site = Site(organisation.id)
    site.register("mppt", "MPPT-1")
    requests = [("mppt", request({"mppt_id": "MPPT-1"}, converter_sample(at(n)))) for n in range(8)]

    receipts = post_all(app_context, organisation, requests)

    assert sum(receipt["stored"] for receipt in receipts) == 8
    assert stored.sources(organisation.id, "mppt:MPPT-1") == {"MPPT-1"}
    assert stored.belief_count(organisation.id) == sum(r["beliefs"] for r in receipts)


def test_packs_that_move_at_once_end_up_somewhere(
    app_context: Flask, organisation: Organisation
) -> None:
    site = Site(organisation.id)
    with site.at_once() as new:
        new.pms()
        new.cases({pack: dock for dock, pack in enumerate(PACKS, start=1)}, "PMS-1-A")
    requests = [
        ("pms", request({"pms_id": "PMS-1"}, pack_sample(pack, at(n), dock=(dock + n) % 6 + 1)))
        for n in range(4)
        for dock, pack in enumerate(PACKS)
    ]

    receipts = post_all(app_context, organisation, requests)

    assert sum(receipt["stored"] for receipt in receipts) == len(requests)
