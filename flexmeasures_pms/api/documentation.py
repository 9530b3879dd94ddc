"""The OpenAPI document of the plugin's routes.

FlexMeasures' own document is a file made with plugins off, so this one stands beside it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from flask import Response

import flexmeasures_pms
from flexmeasures_pms.api import history
from flexmeasures_pms.api.failures import reply
from flexmeasures_pms.api.latest import KINDS
from flexmeasures_pms.api.receipts import LARGEST_ID
from flexmeasures_pms.api.schemas import INTEGER, TEXT, TIME, Schema, ref, schemas
from flexmeasures_pms.catalogue.asset_types import DATASETS
from flexmeasures_pms.overview.cells import MOST_COLUMNS, QUANTITIES
from flexmeasures_pms.overview.charts import CHARTS, words

_PREFIX = "/pms/api/v1"

_REFUSALS = {
    "400": "The body is not JSON, CSV or gzip. Nothing was stored.",
    "401": "There is neither a valid gateway key nor a valid auth token.",
    "403": "The sender may not post telemetry for the organisation, or a gateway's key is not "
    "for a device that is named. Nothing was stored.",
    "413": "The body is beyond one of the configured limits. Nothing was stored.",
    "415": "The content type or encoding is not one that is read. Nothing was stored.",
    "422": "The body lacks the shape of `datasets`. Nothing was stored.",
    "429": "The sender is beyond its requests or samples per minute. Nothing was stored. Send the "
    "body again after `Retry-After` seconds.",
    "503": "Nothing was stored just now. Send the body again after `Retry-After` seconds.",
}
_REFUSALS_TO_READ = {
    "400": "A parameter is not what it has to be.",
    "401": _REFUSALS["401"],
    "403": "The sender may not read what belongs to the organisation.",
    "429": "The sender is beyond its requests per minute; see `Retry-After`.",
    "503": "It can't be answered just now. Ask again after `Retry-After` seconds.",
}


def openapi() -> Response:
    """Reply with the OpenAPI document."""
    return reply(200, document())


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    post = _post()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "flexmeasures-pms",
            "version": flexmeasures_pms.__version__,
            "description": "Battery pack telemetry for FlexMeasures.",
        },
        "paths": {
            f"{_PREFIX}/devices/dataset/{{dataset}}": {"post": post},
            "/devices/dataset/{dataset}": {
                "post": post | {"summary": "The same, for gateways that can't be reconfigured"}
            },
            **{f"{_PREFIX}/{path}": {"get": get} for path, get in _gets().items()},
        },
        "components": {
            "schemas": schemas(),
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
                "token": {"type": "apiKey", "in": "header", "name": "Authorization"},
                "session": {"type": "apiKey", "in": "cookie", "name": "session"},
            },
        },
    }


def _post() -> dict[str, Any]:
    return {
        "summary": "Store telemetry of a gateway, once",
        "description": "Single samples that can't be stored wait in quarantine and are listed "
        "under `problems`. The reply comes after commit: a body may be sent again at will.",
        "security": [{"key": []}, {"token": []}],
        "parameters": [
            _parameter("dataset", "path", {"type": "string", "enum": list(DATASETS)}),
            _parameter("account", "query", INTEGER),
            _parameter("Content-Encoding", "header", {"type": "string", "enum": ["gzip"]}),
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": ref("Datasets")},
                "text/csv": {"schema": TEXT},
            },
        },
        "responses": {
            "200": _content("What became of the samples.", "Reply"),
            "202": _content(
                "The body is kept, and its samples will be stored by a worker: so it is where the "
                "host has set `PMS_INGEST_MODE`. Ask at `Location` what became of it.",
                "Accepted",
            )
            | {"headers": {"Location": {"required": True, "schema": TEXT}}},
        }
        | {code: _content(words, "Refusal") for code, words in _REFUSALS.items()},
    }


def _gets() -> dict[str, Any]:
    page = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
    columns = {"type": "integer", "minimum": 1, "maximum": MOST_COLUMNS}
    width = {"type": "integer", "minimum": 1, "maximum": history.MOST_COLUMNS}
    return {
        "openapi.json": {
            "summary": "This document",
            "responses": {"200": {"description": "The OpenAPI document."}},
        },
        "devices/{ident}/latest": _get(
            "The newest reading of a case, MPPT, inverter, cabinet or PMS",
            "Latest",
            "Its readings by sensor name; none where it has not reported yet.",
            [
                _parameter("ident", "path", TEXT),
                _parameter("kind", "query", {"type": "string", "enum": list(KINDS)}),
                _parameter("account", "query", INTEGER),
            ],
            missing="Nothing of this id is registered in the organisation.",
        ),
        "devices/{ident}/history": _get(
            "What a case, MPPT or inverter read over a time",
            "History",
            "A time is cut into at most `width` columns of `step` milliseconds; each has the "
            "mean of its readings, the least and the greatest; what is `held`, as states "
            "are, has its last. Where no column has more than one, the readings stand as they were "
            "taken (`exact`). A null begins a gap. `times` are milliseconds since `start`; "
            "sensors that were read at the same moments share them. Of more than 2.5 million "
            "readings only the first `sample` milliseconds of each column are looked at. By "
            "default the last day, and all charts.",
            [
                _parameter("ident", "path", TEXT),
                _parameter("kind", "query", {"type": "string", "enum": list(CHARTS)}),
                _parameter("start", "query", TIME),
                _parameter("end", "query", TIME),
                _parameter("width", "query", width | {"default": history.COLUMNS}),
                _parameter(
                    "quantity",
                    "query",
                    {"type": "array", "items": {"type": "string", "enum": list(words())}},
                )
                | {"description": "Names of sensors or charts, each as a parameter of its own."},
                _parameter("account", "query", INTEGER),
            ],
            missing="No case, MPPT or inverter of this id is registered in the organisation.",
        ),
        "fleet": _get(
            "All PMSes, MPPTs and inverters, the worst first",
            "Fleet",
            "Each with what is the matter with it, by how bad that is. Figures are of the packs "
            "that report: power [W] is positive for charging, `spread` is in mV.",
            [_parameter("account", "query", INTEGER)],
        ),
        "pms/{ident}/rack": _get(
            "A PMS as it stands: cabinets, docks, packs, cells",
            "Rack",
            "Each pack in the dock that it is registered in. `undocked` packs have none; "
            "`reported_here` are reported by this PMS but registered elsewhere; `unknown_packs` "
            "are not registered, and their samples wait in quarantine.",
            [_parameter("ident", "path", TEXT), _parameter("account", "query", INTEGER)],
            missing="No PMS of this id is registered in the organisation.",
        ),
        "pms/{ident}/latest": _get(
            "The newest readings of all packs of a PMS at once",
            "LatestOfPms",
            "The PMS, its cabinets, and its packs by dock.",
            [_parameter("ident", "path", TEXT), _parameter("account", "query", INTEGER)],
            missing="No PMS of this id is registered in the organisation.",
        ),
        "pms/{ident}/cells": _get(
            "What the cells of a PMS read at some moments of a time, and which stand out",
            "Cells",
            "A time is cut into columns; each has the newest readings at its end, not older "
            "than three readings take there, `look_back` seconds at most: null where there is "
            "none. Of many packs there are fewer columns than asked for. By default the last hour.",
            [
                _parameter("ident", "path", TEXT),
                _parameter("start", "query", TIME),
                _parameter("end", "query", TIME),
                _parameter("quantity", "query", {"type": "string", "enum": list(QUANTITIES)}),
                _parameter("columns", "query", columns),
                _parameter("account", "query", INTEGER),
            ],
            missing="No PMS of this id is registered in the organisation.",
        ),
        "completeness": _get(
            "What came of each device in each hour, and what should have",
            "Hours",
            "By default the last day, of all devices. What should have come is the most that "
            "came of a pack in any hour of the day before, for the most packs of any.",
            [
                _parameter("device", "query", TEXT),
                _parameter("since", "query", TIME),
                _parameter("until", "query", TIME),
                _parameter("account", "query", INTEGER),
            ],
            missing="No PMS, MPPT or inverter of this id is registered in the organisation.",
        ),
        "receipts": _get(
            "Accepted requests, newest first",
            "Receipts",
            "`next` is the `before` of the next page, or null. Requests that wait for a worker, or "
            "failed, are counted under `journal`.",
            [
                _parameter("limit", "query", page),
                _parameter(
                    "before", "query", {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}
                ),
                _parameter("since", "query", TIME),
                _parameter("account", "query", INTEGER),
            ],
        ),
        "receipts/{receipt_id}": _get(
            "One accepted request",
            "Fate",
            "What was sent, by whom, and what became of it. The details of the reply are there if "
            "it was a worker who stored it.",
            [_parameter("receipt_id", "path", INTEGER)],
            missing="There is no such receipt among those that the sender may read.",
        ),
    }


def _get(
    summary: str,
    schema: str,
    description: str,
    parameters: list[dict[str, Any]],
    *,
    missing: str | None = None,
) -> dict[str, Any]:
    refusals = _REFUSALS_TO_READ | ({"404": missing} if missing else {})
    return {
        "summary": summary,
        "security": [{"key": []}, {"token": []}, {"session": []}],
        "parameters": parameters,
        "responses": {"200": _content(description, schema)}
        | {code: _content(words, "Refusal") for code, words in refusals.items()},
    }


def _parameter(name: str, where: str, schema: Schema) -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path", "schema": schema}


def _content(description: str, schema: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": ref(schema)}}}
