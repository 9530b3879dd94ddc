"""``GET …/pms/<id>/cells``: the readings of the cells of a PMS at some moments of a period."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response, request
from werkzeug.exceptions import BadRequest, NotFound

from flexmeasures_pms.api.credentials import caller, organisation
from flexmeasures_pms.api.failures import reply
from flexmeasures_pms.api.query import moment, whole_number
from flexmeasures_pms.gateways.caller import READ, may_see
from flexmeasures_pms.gateways.reading import reading_scope
from flexmeasures_pms.overview.cell_quantities import QUANTITIES, CellQuantity
from flexmeasures_pms.overview.cell_ranking import ranking
from flexmeasures_pms.overview.cell_record import record
from flexmeasures_pms.overview.cells import MOST_COLUMNS, cell_map, period
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.serving.readiness import require_tables

BY_DEFAULT: CellQuantity = "voltage"


def cells_of_pms(ident: str) -> Response:
    """Reply with the cells of all packs that were in a PMS in a period."""
    require_tables()
    now = datetime.now(UTC)
    sender = caller(now)
    registered = load_directory(organisation(sender, READ), things=[("pms", ident)], parts=True)
    pms = registered.find("pms", ident)
    if pms is None or not may_see(sender, "pms", pms.ident):
        raise NotFound("No PMS of this id is registered in the organisation.")
    start, end = _time(now)
    found = cell_map(
        registered,
        pms.id,
        start,
        end,
        quantity=_quantity(),
        columns=whole_number("columns", most=MOST_COLUMNS),
        scope=reading_scope(sender, registered),
    )
    return reply(200, record(pms.ident, found, ranking(found)))


def _time(now: datetime) -> tuple[datetime, datetime]:
    found = period(moment("start"), moment("end"), now)
    if found is None:
        raise BadRequest("The parameter start is a time before end, and before now.")
    return found


def _quantity() -> CellQuantity:
    named = request.args.get("quantity", BY_DEFAULT)
    if named not in QUANTITIES:
        raise BadRequest(f"The parameter quantity is one of {', '.join(QUANTITIES)}.")
    return named
