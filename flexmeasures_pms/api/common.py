"""Parameters, errors and replies that several routes share."""

from __future__ import annotations

from flexmeasures_pms.api.route import Parameter, Reply, Schema

INTEGER: Schema = {"type": "integer"}
# Without control characters: a URL with one is refused.
TEXT: Schema = {"type": "string", "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$"}
TIME: Schema = {"type": "string", "format": "date-time"}


def one_of(*values: str) -> Schema:
    """Return the schema of one of some texts."""
    return {"type": "string", "enum": list(values)}


def up_to(most: int, default: int | None = None) -> Schema:
    """Return the schema of a whole number of at least 1."""
    bounds = {"type": "integer", "minimum": 1, "maximum": most}
    return bounds if default is None else bounds | {"default": default}


ACCOUNT = Parameter("account", INTEGER, "Id of an organisation; by default the sender's own.")
KNOWN = Parameter(
    "If-None-Match", TEXT, "The `ETag` of the reply that the sender has.", where="header"
)
END = Parameter("end", TIME, "End of the period; by default now.")
PMS = Parameter("ident", TEXT, "Id of the PMS.", where="path")

UNEXPECTED = "An unexpected error."
NO_CREDENTIAL = "No valid gateway key or auth token."
NO_PMS = "No PMS with this id is registered in the organisation."
POST_ERRORS = {
    400: "The body is not JSON, CSV or gzip. Nothing was stored.",
    401: NO_CREDENTIAL,
    403: "The sender may not post telemetry for the organisation, or the gateway's key does not "
    "cover a device in the body. Nothing was stored.",
    404: "There is no dataset of this name.",
    413: "The body exceeds a configured limit. Nothing was stored.",
    415: "The content type or encoding is not supported. Nothing was stored.",
    422: "The body does not have the shape of `datasets`. Nothing was stored.",
    429: "The sender exceeds its requests, samples or bytes per minute, or other requests of the "
    "organisation are being worked on. Nothing was stored. Send the body again after "
    "`Retry-After` seconds.",
    500: f"{UNEXPECTED} Nothing was stored.",
    503: "Temporarily unavailable; nothing was stored. Send it again after `Retry-After` seconds.",
}
ERRORS = {
    400: "A parameter is invalid.",
    401: NO_CREDENTIAL,
    403: "The sender may not read the organisation's data.",
    429: "The sender exceeds its requests per minute; see `Retry-After`.",
    500: UNEXPECTED,
    503: "Temporarily unavailable. Try again after `Retry-After` seconds.",
}


def tagged(description: str, body: type) -> dict[int, Reply]:
    """Return the replies of a route with an ETag."""
    tag = {"ETag": "The value for `If-None-Match` in the next request."}
    return {
        200: Reply(description, body, tag),
        304: Reply("Nothing has changed since the reply with this `ETag`.", None, tag),
    }
