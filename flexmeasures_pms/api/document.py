"""The OpenAPI document: made from the table of routes and the types of bodies and replies.

FlexMeasures' own document is a file made without plugins, so this one is separate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import flexmeasures_pms
from flexmeasures_pms.api.replies import Error
from flexmeasures_pms.api.route import Parameter, Reply, Route
from flexmeasures_pms.api.schemas import Json, named, of_replies, reference

_SECURITY = {
    "key": {
        "type": "apiKey",
        "in": "header",
        "name": "x-api-key",
        "description": "The key of a gateway.",
    },
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "The FlexMeasures auth token of a user.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "session",
        "description": "The session of a user who has logged in.",
    },
}
_ERROR_HEADERS = {
    401: {"WWW-Authenticate": "The kind of credential that FlexMeasures reads."},
    429: {"Retry-After": "Seconds after which the request may be sent again."},
    503: {"Retry-After": "Seconds after which the request may be sent again."},
}


def document(routes: Iterable[Route]) -> Json:
    """Return the OpenAPI document of some routes."""
    routes = list(routes)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "flexmeasures-pms",
            "version": flexmeasures_pms.__version__,
            "description": "Battery pack telemetry for FlexMeasures.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {route.path: {route.method.lower(): _operation(route)} for route in routes},
        "components": {"schemas": _schemas(routes), "securitySchemes": _SECURITY},
    }


def _operation(route: Route) -> Json:
    operation = {
        "operationId": route.operation,
        "tags": [route.tag],
        "summary": route.summary,
        "description": route.description,
        "security": [{name: []} for name in route.security],
        "parameters": [_parameter(one) for one in route.parameters],
        "responses": dict(sorted(_responses(route))),
    }
    if route.body:
        content = {kind: {"schema": reference(body)} for kind, body in route.body.items()}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _parameter(one: Parameter) -> Json:
    return {
        "name": one.name,
        "in": one.where,
        "required": one.where == "path",
        "description": one.description,
        "schema": one.schema,
    }


def _responses(route: Route) -> Iterator[tuple[str, Json]]:
    for code, reply in route.replies.items():
        yield str(code), _response(reply)
    for code, words in route.errors.items():
        yield str(code), _response(Reply(words, Error, _ERROR_HEADERS.get(code, {})))


def _response(reply: Reply) -> Json:
    response: Json = {"description": reply.description}
    if reply.headers:
        response["headers"] = {
            name: {"description": words, "required": True, "schema": {"type": "string"}}
            for name, words in reply.headers.items()
        }
    if reply.body is not None:
        response["content"] = {"application/json": {"schema": reference(reply.body)}}
    if reply.files:
        file = {"schema": {"type": "string", "format": "binary"}}
        response["content"] = dict.fromkeys(reply.files, file)
    return response


def _schemas(routes: Iterable[Route]) -> Json:
    """Return all named schemas, by name."""
    sent = [body for route in routes for body in route.body.values()]
    replies = [reply.body for route in routes for reply in route.replies.values() if reply.body]
    return dict(sorted((named(sent) | of_replies([*replies, Error])).items()))
