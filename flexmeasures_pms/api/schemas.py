"""The shapes of requests and replies, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

import msgspec

from flexmeasures_pms.api import fleet
from flexmeasures_pms.errors import Problem
from flexmeasures_pms.ingest.completeness import Completeness
from flexmeasures_pms.ingest.receipt import DeviceCounts, ReceiptCounts
from flexmeasures_pms.overview.cells import QUANTITIES

Schema = dict[str, Any]

INTEGER: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
TEXT: Schema = {"type": "string"}
TIME: Schema = {"type": "string", "format": "date-time"}


def schemas() -> dict[str, Schema]:
    """Return all named schemas."""
    _, found = msgspec.json.schema_components(
        [Completeness, ReceiptCounts, DeviceCounts, Problem],
        ref_template="#/components/schemas/{name}",
    )
    return found | {
        "Datasets": _datasets(),
        "Reply": _reply(),
        "Accepted": some(
            status={"const": "ACCEPTED"},
            message=TEXT,
            receipt=some(id=INTEGER, digest=TEXT, samples=INTEGER),
        ),
        "Refusal": _refusal(),
        "Latest": some(**_LATEST),
        "LatestOfPms": some(**_LATEST, cabinets=array("Latest"), packs=array("LatestPack")),
        "LatestPack": some(dock=maybe(INTEGER), **_LATEST),
        "History": _history(),
        "Reporter": some(kind=TEXT, id=TEXT, begin=TIME, end=TIME),
        "Series": _series(),
        "Cells": _cells(),
        "CellsOfPack": _cells_of_pack(),
        "RankedCell": _ranked_cell(),
        **fleet.schemas(),
        "Fleet": some(devices=array("Device")),
        "Hours": some(hours=array("Completeness")),
        "LoggedReceipt": _logged_receipt(),
        "Receipts": some(
            receipts=array("LoggedReceipt"),
            next=maybe(INTEGER),
            journal=some(waiting=INTEGER, failed=INTEGER),
        ),
        "Fate": {"oneOf": [ref("ProcessedReceipt"), ref("WaitingReceipt")]},
        "ProcessedReceipt": {"allOf": [ref("LoggedReceipt"), _processed()]},
        "WaitingReceipt": some(
            **_REQUEST,
            samples=INTEGER,
            status={"enum": ["WAITING", "PROCESSING", "FAILED"]},
            message=TEXT,
            attempts=INTEGER,
            error=maybe(TEXT),
        ),
    }


def some(*optional: str, **properties: Schema) -> Schema:
    """Return an object's schema; all properties but the ``optional`` ones are always there."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def maybe(schema: Schema) -> Schema:
    """Return a schema that null meets, too."""
    return {"anyOf": [schema, {"type": "null"}]}


_LATEST: Schema = {
    "kind": TEXT,
    "id": TEXT,
    "asset": INTEGER,
    "time": maybe(TIME),
    "source": maybe(TEXT),
    "readings": {"type": "object", "additionalProperties": {"type": "number"}},
}


def ref(name: str) -> Schema:
    """Return a reference to a named schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(name: str) -> Schema:
    """Return the schema of an array of a named one."""
    return {"type": "array", "items": ref(name)}


def _datasets() -> Schema:
    sample = {"type": "object", "properties": {"time_local": TEXT}}
    dataset = {
        "type": "object",
        "properties": {"data": {"type": "array", "items": sample}},
        "required": ["data"],
    }
    return some(datasets={"type": "array", "items": dataset, "minItems": 1})


_DETAILS: Schema = {
    "devices": array("DeviceCounts"),
    "problems": array("Problem"),
    "more_problems": INTEGER,
    "warnings": array("Problem"),
    "ignored": INTEGER,
    "skipped": INTEGER,
}
_RARE = ("more_problems", "warnings", "ignored", "skipped")
_PROCESSED: Schema = {"status": {"const": "PROCESSED"}, "message": TEXT}


def _reply() -> Schema:
    receipt = {"allOf": [some(id=INTEGER, digest=TEXT), ref("ReceiptCounts")]}
    return some(*_RARE, **_PROCESSED, receipt=receipt, **_DETAILS)


def _processed() -> Schema:
    return some(*_DETAILS, **_PROCESSED, **_DETAILS)


def _refusal() -> Schema:
    return some(
        "problems", "more_problems",
        status=TEXT, message=TEXT, problems=array("Problem"), more_problems=INTEGER,
    )  # fmt: skip


_REQUEST: Schema = {
    "id": INTEGER,
    "account": INTEGER,
    "received_at": TIME,
    "sender": TEXT,
    "key": maybe(TEXT),
    "dataset": TEXT,
    "digest": TEXT,
}


def _logged_receipt() -> Schema:
    return {"allOf": [some(**_REQUEST, duration_ms=INTEGER), ref("ReceiptCounts")]}


def _cells() -> Schema:
    return some(
        pms=TEXT,
        quantity={"type": "string", "enum": list(QUANTITIES)},
        unit=TEXT,
        start=TIME,
        seconds=NUMBER,
        columns=INTEGER,
        look_back=NUMBER,
        packs=array("CellsOfPack"),
        ranking=array("RankedCell"),
    )


def _cells_of_pack() -> Schema:
    cell = {"type": "array", "items": maybe(INTEGER)}
    return some(
        case=TEXT,
        dock=maybe(INTEGER),
        cabinet=maybe(TEXT),
        begin=TIME,
        end=TIME,
        cells={"type": "array", "items": cell},
    )


def _ranked_cell() -> Schema:
    return some(
        case=TEXT,
        dock=maybe(INTEGER),
        cell=INTEGER,
        seconds=NUMBER,
        share=NUMBER,
        weak_by=maybe(NUMBER),
        begin=TIME,
        end=TIME,
    )


def _history() -> Schema:
    return some(
        kind=TEXT,
        id=TEXT,
        start=TIME,
        end=TIME,
        step=NUMBER,
        exact={"type": "boolean"},
        sample=maybe(NUMBER),
        reporters=array("Reporter"),
        times={"type": "array", "items": {"type": "array", "items": INTEGER}},
        series=array("Series"),
    )


def _series() -> Schema:
    values = {"type": "array", "items": maybe(NUMBER)}
    return some(
        "low",
        "high",
        name=TEXT,
        unit=TEXT,
        state={"type": "boolean"},
        held={"type": "boolean"},
        mean=maybe(NUMBER),
        times=INTEGER,
        values=values,
        low=values,
        high=values,
    )
