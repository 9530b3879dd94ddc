"""What several routes of the table have in common: parameters, errors, replies."""

from __future__ import annotations

from flexmeasures_pms.api.route import Parameter, Reply, Schema

INTEGER: Schema = {"type": "integer"}
TEXT: Schema = {"type": "string"}
TIME: Schema = {"type": "string", "format": "date-time"}


def one_of(*values: str) -> Schema:
    """Return the schema of one of some words."""
    return {"type": "string", "enum": list(values)}


def up_to(most: int, default: int | None = None) -> Schema:
    """Return the schema of a whole number from 1 on."""
    bounds = {"type": "integer", "minimum": 1, "maximum": most}
    return bounds if default is None else bounds | {"default": default}


ACCOUNT = Parameter("account", INTEGER, "Id of another organisation than the sender's own.")
KNOWN = Parameter(
    "If-None-Match", TEXT, "The `ETag` of the reply that the sender has.", where="header"
)
END = Parameter("end", TIME, "When the time ends; by default now.")
PMS = Parameter("ident", TEXT, "Id of the PMS.", where="path")

UNEXPECTED = "An unexpected error."
NO_CREDENTIAL = "There is neither a valid gateway key nor a valid auth token."
NO_PMS = "No PMS of this id is registered in the organisation."
POST_ERRORS = {
    400: "The body is not JSON, CSV or gzip. Nothing was stored.",
    401: NO_CREDENTIAL,
    403: "The sender may not post telemetry for the organisation, or a gateway's key is not "
    "for a device that is named. Nothing was stored.",
    404: "There is no dataset of this name.",
    413: "The body is beyond one of the configured limits. Nothing was stored.",
    415: "The content type or encoding is not one that is read. Nothing was stored.",
    422: "The body lacks the shape of `datasets`. Nothing was stored.",
    429: "The sender is beyond its requests or samples per minute. Nothing was stored. Send the "
    "body again after `Retry-After` seconds.",
    500: f"{UNEXPECTED} Nothing was stored.",
    503: "Nothing was stored just now. Send the body again after `Retry-After` seconds.",
}
ERRORS = {
    400: "A parameter is not what it has to be.",
    401: NO_CREDENTIAL,
    403: "The sender may not read what belongs to the organisation.",
    429: "The sender is beyond its requests per minute; see `Retry-After`.",
    500: UNEXPECTED,
    503: "It can't be answered just now. Ask again after `Retry-After` seconds.",
}


def tagged(description: str, body: type) -> dict[int, Reply]:
    """Return the replies of a route that says when nothing has changed."""
    tag = {"ETag": "What `If-None-Match` takes to ask whether anything has changed."}
    return {
        200: Reply(description, body, tag),
        304: Reply("Nothing has changed since the reply with this `ETag`.", None, tag),
    }
