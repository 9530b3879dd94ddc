"""The routes of the API in one table, for the blueprint and the OpenAPI document."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from flask import Response

from flexmeasures_pms.api import (
    cells,
    completeness,
    datasets,
    fleet,
    history,
    latest,
)
from flexmeasures_pms.api.common import (
    ACCOUNT,
    END,
    ERRORS,
    KNOWN,
    NO_PMS,
    PMS,
    POST_ERRORS,
    TEXT,
    TIME,
    UNEXPECTED,
    one_of,
    tagged,
    up_to,
)
from flexmeasures_pms.api.document import document
from flexmeasures_pms.api.export import EXPORT
from flexmeasures_pms.api.failures import reply
from flexmeasures_pms.api.health import HEALTH
from flexmeasures_pms.api.receipt_routes import RECEIPTS
from flexmeasures_pms.api.registry.routes import REGISTRY
from flexmeasures_pms.api.replies import (
    CompletenessList,
    DatasetAccepted,
    DatasetProcessed,
    Fleet,
    Latest,
    LatestOfPms,
)
from flexmeasures_pms.api.route import PREFIX, AnyOf, Parameter, Reply, Route
from flexmeasures_pms.api.schemas import Json
from flexmeasures_pms.catalogue.asset_types import DATASETS, device_labels
from flexmeasures_pms.overview.cell_quantities import QUANTITIES
from flexmeasures_pms.overview.cell_record import Cells
from flexmeasures_pms.overview.cells import MOST_COLUMNS
from flexmeasures_pms.overview.charts import CHARTS, words
from flexmeasures_pms.overview.docks import Rack
from flexmeasures_pms.overview.history_record import History
from flexmeasures_pms.wire.request_types import request_type


def openapi() -> Response:
    """Reply with the OpenAPI document."""
    return reply(200, openapi_document())


@cache
def openapi_document() -> Json:
    """Return the OpenAPI document of all routes."""
    return document(ROUTES)


POST = Route(
    "postDataset",
    f"{PREFIX}/devices/dataset/{{dataset}}",
    datasets.post_dataset,
    tag="telemetry",
    summary="Store telemetry of a gateway, once",
    description="Single samples that can't be stored wait in quarantine and are listed under "
    "`problems`. If the quarantine is full, they are counted as `refused` and listed with the code "
    "`quarantine_full`: they are not kept, and have to be sent again. The reply comes after "
    "commit. Retries are safe: a repeated sample is counted as duplicate.\n\n"
    "The schema is the current shape. Older shapes since July 2019 are supported, too: other "
    "names of attributes, arrays as objects, and a status in each sample. Further attributes "
    "are ignored.\n\n"
    "A CSV file has a header and one pack per line: `pms_id`, `status.code`, `status.temp`, "
    "`time_local`, `pack.id`, `pack.dock`, `pack.amps`, and arrays as `cell.volts.1` to "
    "`cell.volts.14`, `pack.temp.1`, `fet.temp.1`, `cell.open.1` (1 for a bypassed cell) and so "
    "on. It is for the dataset `pms`.",
    parameters=(
        Parameter("dataset", one_of(*DATASETS), "The kind of device.", where="path"),
        ACCOUNT,
        Parameter("Content-Encoding", one_of("gzip"), "Compression of the body.", where="header"),
    ),
    body={
        "application/json": AnyOf(
            "DatasetRequest", "The body for a dataset.", tuple(map(request_type, DATASETS))
        ),
        "text/csv": str,
    },
    replies={
        200: Reply("The result for each sample.", DatasetProcessed),
        202: Reply(
            "The body is saved, and a worker will store its samples (if the host has set "
            "`PMS_INGEST_MODE`). The result will be at `Location`.",
            DatasetAccepted,
            {"Location": "URL of the receipt."},
        ),
    },
    errors=POST_ERRORS,
    security=("key", "token"),
)

ROUTES: tuple[Route, ...] = (
    POST,
    replace(
        POST,
        operation="postDatasetWithoutPrefix",
        path="/devices/dataset/{dataset}",
        summary="The same, for gateways that can't be reconfigured",
    ),
    Route(
        "getOpenapi",
        f"{PREFIX}/openapi.json",
        openapi,
        tag="document",
        summary="This document",
        description="It is the same for all users.",
        replies={200: Reply("The OpenAPI document.", dict)},
        errors={500: UNEXPECTED},
        security=(),
    ),
    *HEALTH,
    Route(
        "getLatest",
        f"{PREFIX}/devices/{{ident}}/latest",
        latest.latest_of_device,
        tag="readings",
        summary="The newest reading of a case, cabinet or device",
        description="The id of an acquisition board means the case that it is in now.",
        parameters=(
            Parameter("ident", TEXT, "Id of the thing.", where="path"),
            Parameter("kind", one_of(*latest.KINDS), "Kind of the thing."),
            ACCOUNT,
            KNOWN,
        ),
        replies=tagged("Its readings by sensor name; none if it has not reported.", Latest),
        errors=ERRORS | {404: "Nothing is registered with this id in the organisation."},
    ),
    Route(
        "getHistory",
        f"{PREFIX}/devices/{{ident}}/history",
        history.history_of_device,
        tag="readings",
        summary="The readings of a case or device over a period",
        description="A period is divided into at most `width` columns of `step` milliseconds. Each "
        "has the mean, lowest and highest of its readings; a sensor that is `held`, such as a "
        "state, has its last reading. If no column has more than one, the readings are as they "
        "were taken (`exact`). Columns that are multiples of six hours, an hour or a quarter of "
        "one are summed up from those of each of these (`level`).",
        parameters=(
            Parameter("ident", TEXT, "Id of the case or device.", where="path"),
            Parameter("kind", one_of(*CHARTS), "Kind of the thing."),
            Parameter("start", TIME, "Start of the period; by default a day before `end`."),
            END,
            Parameter("width", up_to(history.MOST_COLUMNS, history.COLUMNS), "Most columns."),
            Parameter(
                "quantity",
                {"type": "array", "items": one_of(*words())},
                "Names of sensors or charts, each as a separate parameter; by default all charts.",
            ),
            ACCOUNT,
        ),
        replies={200: Reply("Its readings by sensor.", History)},
        errors=ERRORS | {404: "No case or device of this id is registered in the organisation."},
    ),
    EXPORT,
    Route(
        "getFleet",
        f"{PREFIX}/fleet",
        fleet.list_fleet,
        tag="readings",
        summary="All devices, the worst first",
        description="Each device has its health states, the worst first, each with the pack that "
        "is worst. Figures are of the packs that report. A state of the last reading of a silent "
        "pack or device has `since`; a PMS that is silent itself has no pack in that state.",
        parameters=(ACCOUNT, KNOWN),
        replies=tagged("One entry for each device.", Fleet),
        errors=ERRORS,
    ),
    Route(
        "getRack",
        f"{PREFIX}/pms/{{ident}}/rack",
        fleet.rack_of_pms,
        tag="readings",
        summary="The cabinets, docks, packs and cells of a PMS",
        description="Each pack is in its registered dock. `undocked` packs have none; "
        "`reported_here` are reported by this PMS but registered elsewhere; `unknown_packs` are "
        "not registered, and their samples wait in quarantine. With `at`, the rack as it was then: "
        "packs in the docks where they were installed, as is believed now, each with its last "
        "sample until then, and states judged by that moment. A pack whose last sample was older "
        "than five minutes has the time of that sample and no readings. Of the past, `flapping`, "
        "`reported_here` and `unknown_packs` are not known. A moment before what `PMS_SAMPLE_DAYS` "
        "keeps is refused.",
        parameters=(
            PMS,
            Parameter("at", TIME, "A moment in the past; by default now."),
            ACCOUNT,
            KNOWN,
        ),
        replies=tagged("The PMS with its cabinets.", Rack),
        errors=ERRORS | {404: NO_PMS},
    ),
    Route(
        "getLatestOfPms",
        f"{PREFIX}/pms/{{ident}}/latest",
        latest.latest_of_pms,
        tag="readings",
        summary="The newest readings of all packs of a PMS at once",
        description="Packs that have not reported are included, without readings.",
        parameters=(PMS, ACCOUNT, KNOWN),
        replies=tagged("The PMS, its cabinets, and its packs by dock.", LatestOfPms),
        errors=ERRORS | {404: NO_PMS},
    ),
    Route(
        "getCells",
        f"{PREFIX}/pms/{{ident}}/cells",
        cells.cells_of_pms,
        tag="readings",
        summary="The readings of the cells of a PMS at moments of a period, and a ranking",
        description="A period is divided into columns; each has the newest readings at its end, "
        "not older than three times the usual interval, at most `look_back` seconds; null if "
        "there is none. For many packs there are fewer columns than requested.",
        parameters=(
            PMS,
            Parameter("start", TIME, "Start of the period; by default an hour before `end`."),
            END,
            Parameter("quantity", one_of(*QUANTITIES), "The quantity; by default voltage."),
            Parameter("columns", up_to(MOST_COLUMNS), "Most columns."),
            ACCOUNT,
        ),
        replies={200: Reply("Its packs with their cells.", Cells)},
        errors=ERRORS | {404: NO_PMS},
    ),
    Route(
        "listCompleteness",
        f"{PREFIX}/completeness",
        completeness.list_completeness,
        tag="receipts",
        summary="Stored and expected samples of each device in each hour",
        description="As many samples of each case as came in the best hour of the day before are "
        "expected, for the part of the hour in which it was installed in the PMS. So an hour in "
        "which cases are swapped is complete if each one reported while it was there.",
        parameters=(
            Parameter("device", TEXT, f"Id of a {device_labels()}; by default all."),
            Parameter("since", TIME, "Start of the first hour; by default a day before."),
            Parameter("until", TIME, "End of the last hour; by default now."),
            ACCOUNT,
        ),
        replies={200: Reply("Each hour of each device.", CompletenessList)},
        errors=ERRORS
        | {404: f"No {device_labels()} of this id is registered in the organisation."},
    ),
    *RECEIPTS,
    *REGISTRY,
)
