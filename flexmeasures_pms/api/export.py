"""``GET …/devices/<id>/export``: all readings of a thing over a period, as a file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from flask import Response, request, stream_with_context
from werkzeug.exceptions import BadRequest

from flexmeasures_pms import deadline
from flexmeasures_pms.api.common import ACCOUNT, END, ERRORS, TEXT, TIME, one_of
from flexmeasures_pms.api.query import moment
from flexmeasures_pms.api.route import PREFIX, Parameter, Reply, Route
from flexmeasures_pms.api.thing import asked_thing
from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import NotInstalled
from flexmeasures_pms.overview.export import KINDS, export_of
from flexmeasures_pms.overview.export_files import MIMETYPES, blocks

BY_DEFAULT = timedelta(days=1)
LONGEST = timedelta(days=31)


def export_of_device(ident: str) -> Response:
    """Reply with a row for each sample of a thing, as they come from the database."""
    now = datetime.now(UTC)
    registered, entry, scope = asked_thing(ident, KINDS, now, "case, cabinet or device")
    wanted, file_format = export_of(registered, [entry], *_time(now), scope), _format()
    try:
        found = blocks(wanted, file_format)
    except NotInstalled as error:
        raise BadRequest(str(error)) from None
    # What fails before the first block is still told by the status.
    first = next(found, b"")
    return Response(stream_with_context(_each(first, found)), mimetype=MIMETYPES[file_format])


def _each(first: bytes, found: Iterator[bytes]) -> Iterator[bytes]:
    """Yield blocks, each of which may take as long as a request."""
    yield first
    deadline.begin(settings().request_timeout)
    for block in found:
        yield block
        deadline.begin(settings().request_timeout)


def _time(now: datetime) -> tuple[datetime, datetime]:
    end = moment("end") or now
    start = moment("start") or end - BY_DEFAULT
    if not timedelta(0) < end - start <= LONGEST:
        raise BadRequest(
            f"The parameter start is a time before end, by at most {LONGEST.days} days: for more, "
            "ask several times."
        )
    return start, end


def _format() -> str:
    wanted = request.args.get("format", "csv")
    if wanted not in MIMETYPES:
        raise BadRequest(f"The parameter format is one of {', '.join(MIMETYPES)}.")
    return wanted


EXPORT = Route(
    "getExport",
    f"{PREFIX}/devices/{{ident}}/export",
    export_of_device,
    tag="readings",
    summary="All readings of a case, cabinet or device over a period, as a file",
    description="A row for each sample: its `time` (UTC), the `id` of the thing, the `device` "
    "that reported it, then a column for each sensor with its unit, such as `pack voltage [V]`. "
    "Parquet is for servers with pyarrow.",
    parameters=(
        Parameter("ident", TEXT, "Id of the thing.", where="path"),
        Parameter("kind", one_of(*KINDS), "Kind of the thing."),
        Parameter("start", TIME, "Start of the period; by default a day before `end`."),
        END,
        Parameter("format", one_of(*MIMETYPES), "Format of the file; by default `csv`."),
        ACCOUNT,
    ),
    replies={200: Reply("Its samples, in order of time.", None, files=tuple(MIMETYPES.values()))},
    errors=ERRORS | {404: "Nothing is registered with this id in the organisation."},
)
