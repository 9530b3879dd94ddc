"""``GET …/devices/<id>/history``: the readings of a case or device over a period."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Response, request
from werkzeug.exceptions import BadRequest

from flexmeasures_pms.api.failures import reply
from flexmeasures_pms.api.query import moment, whole_number
from flexmeasures_pms.api.thing import asked_thing
from flexmeasures_pms.overview.charts import CHARTS, KINDS, named, words
from flexmeasures_pms.overview.history import period_history
from flexmeasures_pms.overview.history_record import record

MOST_COLUMNS = 2_000
COLUMNS = 800
LONGEST = timedelta(days=20 * 366)
BY_DEFAULT = timedelta(days=1)


def history_of_device(ident: str) -> Response:
    """Reply with the readings of a thing, in at most the requested number of columns."""
    now = datetime.now(UTC)
    registered, entry, scope = asked_thing(ident, KINDS, now, "case or device")
    start, end = _time(now)
    width = whole_number("width", most=MOST_COLUMNS) or COLUMNS
    names = _names(entry.kind)
    found = period_history(registered, entry, names, start, end, width, scope)
    return reply(200, record(entry.kind, entry.ident, found))


def _time(now: datetime) -> tuple[datetime, datetime]:
    end = moment("end") or now
    start = moment("start") or end - BY_DEFAULT
    if not timedelta(0) < end - start <= LONGEST:
        raise BadRequest("The parameter start is a time before end, by at most 20 years.")
    return start, end


def _names(kind: str) -> list[str]:
    """Return the requested sensors, by their names or by those of charts."""
    asked = request.args.getlist("quantity") or [chart.code for chart in CHARTS[kind]]
    for word in asked:
        if word not in words():
            raise BadRequest("The parameter quantity is the name of a sensor, or of a chart.")
    return list(dict.fromkeys(name for word in asked for name in named(kind, word)))
