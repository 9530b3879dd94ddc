"""The OpenAPI document of the plugin's routes.

FlexMeasures' own document is a file made with plugins off, so this one stands beside it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from flask import Response

import flexmeasures_pms
from flexmeasures_pms.api.failures import reply
from flexmeasures_pms.catalogue.asset_types import DATASETS
from flexmeasures_pms.errors import Problem
from flexmeasures_pms.ingest.receipt import Counts, DeviceCounts

_REFUSALS = {
    "400": "The body is not JSON, CSV or gzip. Nothing was stored.",
    "401": "There is neither a valid gateway key nor a valid auth token.",
    "403": "The sender may not post telemetry for the organisation, or a gateway's key is not "
    "for a device that is named. Nothing was stored.",
    "413": "The body is beyond one of the configured limits. Nothing was stored.",
    "415": "The content type or encoding is not one that is read. Nothing was stored.",
    "422": "The body lacks the shape of `datasets`. Nothing was stored.",
    "503": "Nothing was stored just now. Send the body again after `Retry-After` seconds.",
}


def openapi() -> Response:
    """Reply with the OpenAPI document."""
    return reply(200, document())


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    _, schemas = msgspec.json.schema_components(
        [Counts, DeviceCounts, Problem], ref_template="#/components/schemas/{name}"
    )
    schemas |= {"Reply": _reply_schema(), "Refusal": _refusal_schema()}
    post = _post()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "flexmeasures-pms",
            "version": flexmeasures_pms.__version__,
            "description": "Battery pack telemetry for FlexMeasures.",
        },
        "paths": {
            "/pms/api/v1/devices/dataset/{dataset}": {"post": post},
            "/devices/dataset/{dataset}": {
                "post": post | {"summary": "The same, for gateways that can't be reconfigured"}
            },
            "/pms/api/v1/openapi.json": {
                "get": {
                    "summary": "This document",
                    "responses": {"200": {"description": "The OpenAPI document."}},
                }
            },
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
                "token": {"type": "apiKey", "in": "header", "name": "Authorization"},
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
            _parameter("account", "query", {"type": "integer"}),
            _parameter("Content-Encoding", "header", {"type": "string", "enum": ["gzip"]}),
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": _datasets_schema()},
                "text/csv": {"schema": {"type": "string"}},
            },
        },
        "responses": {"200": _content("What became of the samples.", "Reply")}
        | {code: _content(words, "Refusal") for code, words in _REFUSALS.items()},
    }


def _parameter(name: str, where: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path", "schema": schema}


def _content(description: str, schema: str) -> dict[str, Any]:
    ref = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
    return {"description": description, "content": {"application/json": ref}}


def _datasets_schema() -> dict[str, Any]:
    sample = {"type": "object", "properties": {"time_local": {"type": "string"}}}
    dataset = {
        "type": "object",
        "properties": {"data": {"type": "array", "items": sample}},
        "required": ["data"],
    }
    return {
        "type": "object",
        "properties": {"datasets": {"type": "array", "items": dataset}},
        "required": ["datasets"],
    }


def _reply_schema() -> dict[str, Any]:
    counts = {"$ref": "#/components/schemas/Counts"}
    digest = {"type": "object", "properties": {"digest": {"type": "string"}}}
    return {
        "type": "object",
        "properties": {
            "status": {"const": "PROCESSED"},
            "message": {"type": "string"},
            "receipt": {"allOf": [digest, counts]},
            "devices": _array("DeviceCounts"),
            "problems": _array("Problem"),
            "more_problems": {"type": "integer"},
            "warnings": _array("Problem"),
            "ignored": {"type": "integer"},
            "skipped": {"type": "integer"},
        },
        "required": ["status", "message", "receipt", "devices", "problems"],
    }


def _refusal_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "status": {"type": "string"},
            "message": {"type": "string"},
            "problems": _array("Problem"),
        },
        "required": ["status", "message"],
    }


def _array(schema: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{schema}"}}
