"""The log of what was done to a thing and to what was in it at the time."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Response, request
from werkzeug.exceptions import BadRequest

from flexmeasures_pms.registry.messages.moments import shifted
from flexmeasures_pms.registry.questions.service_log import service_log
from flexmeasures_pms.serving.readiness import require_tables
from flexmeasures_pms.ui.language.words import _, mark
from flexmeasures_pms.ui.page import query_params
from flexmeasures_pms.ui.page.frame import page
from flexmeasures_pms.ui.products.records import kept, record_addresses
from flexmeasures_pms.ui.registry import terms
from flexmeasures_pms.ui.registry.events import author_names
from flexmeasures_pms.ui.registry.subject import Subject, subject_or_404, trail
from flexmeasures_pms.ui.routes import pms_ui

MOST = 500
PERIOD = timedelta(days=365)

VERBS = {
    "installed": mark("installed"),
    "removed": mark("removed"),
    "swapped": mark("swapped"),
    "moved": mark("moved"),
    "serviced": mark("serviced"),
    "shipped": mark("shipped"),
    "returned": mark("returned"),
    "retired": mark("retired"),
    "revived": mark("revived"),
    "corrected": mark("corrected"),
}
CAUSES = {
    "fault": mark("fault"),
    "planned": mark("planned"),
    "recall": mark("recall"),
    "upgrade": mark("upgrade"),
}


@pms_ui.get("/pms/service-log")
def service_log_page() -> Response:
    """Show what was done in a period: ``?kind=&id=``, by default in the last year."""
    require_tables()
    subject = subject_or_404(request.args.get("kind", ""), request.args.get("id", ""))
    start, end = _period(subject)
    found = list(service_log(subject.organisation.id, subject.entry.id, start, end, MOST + 1))
    to = record_addresses(subject.organisation)
    return page(
        "pms/service_log.html",
        active="registry",
        subject=subject,
        trail=trail(to.things, subject, _("Service log")),
        start=start,
        end=end,
        found=found[:MOST],
        more=len(found) > MOST,
        verbs=VERBS,
        causes=CAUSES,
        authors=author_names(one.author for one in found),
        zone=subject.zone,
        to=to,
        terms=terms,
        kept=kept() | {"kind": subject.entry.kind, "id": subject.entry.ident},
        field=query_params.field,
    )


def _period(subject: Subject) -> tuple[datetime, datetime]:
    end = query_params.moment("end", subject.zone, subject.now) or subject.now
    start = query_params.moment("start", subject.zone, subject.now) or shifted(end, -PERIOD)
    if start >= end:
        raise BadRequest(_("The period must begin before it ends."))
    return start, end
