"""The routes of the API, all in one table: the blueprint and the document follow it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from flask import Response

from flexmeasures_pms.api import cells, completeness, datasets, fleet, history, latest, receipts
from flexmeasures_pms.api.document import document
from flexmeasures_pms.api.failures import reply
from flexmeasures_pms.api.parts import (
    ACCOUNT,
    END,
    ERRORS,
    INTEGER,
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
from flexmeasures_pms.api.replies import (
    CompletenessList,
    DatasetAccepted,
    DatasetProcessed,
    Fleet,
    Latest,
    LatestOfPms,
    ProcessedReceipt,
    ReceiptList,
    WaitingReceipt,
)
from flexmeasures_pms.api.route import PREFIX, AnyOf, Parameter, Reply, Route
from flexmeasures_pms.api.schemas import Json
from flexmeasures_pms.catalogue.asset_types import DATASETS, device_labels
from flexmeasures_pms.overview.cell_record import Cells
from flexmeasures_pms.overview.cells import MOST_COLUMNS, QUANTITIES
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
    "`problems`. The reply comes after commit. Retries are safe: a repeated sample is counted as "
    "duplicate.\n\n"
    "The schema is the current shape. Older shapes since July 2019 are read, too: other names "
    "of attributes, arrays as objects, and a status in each sample. Further attributes are "
    "passed over.\n\n"
    "A CSV file has a header and one pack per line: `pms_id`, `status.code`, `status.temp`, "
    "`time_local`, `pack.id`, `pack.dock`, `pack.amps`, and arrays as `cell.volts.1` to "
    "`cell.volts.14`, `pack.temp.1`, `fet.temp.1`, `cell.open.1` (1 for a bypassed cell) and so "
    "on. It is for the dataset `pms`.",
    parameters=(
        Parameter("dataset", one_of(*DATASETS), "What kind of device reports.", where="path"),
        ACCOUNT,
        Parameter(
            "Content-Encoding", one_of("gzip"), "How the body is compressed.", where="header"
        ),
    ),
    body={
        "application/json": AnyOf(
            "DatasetRequest", "The body for a dataset.", tuple(map(request_type, DATASETS))
        ),
        "text/csv": str,
    },
    replies={
        200: Reply("What became of the samples.", DatasetProcessed),
        202: Reply(
            "The body is kept, and its samples will be stored by a worker: so it is where the "
            "host has set `PMS_INGEST_MODE`. Ask at `Location` what became of it.",
            DatasetAccepted,
            {"Location": "Address of the receipt."},
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
        description="It is the same for everybody.",
        replies={200: Reply("The OpenAPI document.", dict)},
        errors={500: UNEXPECTED},
        security=(),
    ),
    Route(
        "getLatest",
        f"{PREFIX}/devices/{{ident}}/latest",
        latest.latest_of_device,
        tag="readings",
        summary="The newest reading of a case, cabinet or device",
        description="The id of an acquisition board stands for the case that it is in now.",
        parameters=(
            Parameter("ident", TEXT, "Id of the thing.", where="path"),
            Parameter("kind", one_of(*latest.KINDS), "Which kind of thing is meant."),
            ACCOUNT,
            KNOWN,
        ),
        replies=tagged("Its readings by sensor name; none where it has not reported.", Latest),
        errors=ERRORS | {404: "Nothing of this id is registered in the organisation."},
    ),
    Route(
        "getHistory",
        f"{PREFIX}/devices/{{ident}}/history",
        history.history_of_device,
        tag="readings",
        summary="What a case or device read over a time",
        description="A time is cut into at most `width` columns of `step` milliseconds; each has "
        "the mean of its readings, the least and the greatest; what is `held`, as states are, has "
        "its last. Where no column has more than one, the readings stand as they were taken "
        "(`exact`). Of more than 2.5 million readings only the first `sample` milliseconds of "
        "each column are looked at.",
        parameters=(
            Parameter("ident", TEXT, "Id of the case or device.", where="path"),
            Parameter("kind", one_of(*CHARTS), "Which kind of thing is meant."),
            Parameter("start", TIME, "When the time begins; by default a day before `end`."),
            END,
            Parameter("width", up_to(history.MOST_COLUMNS, history.COLUMNS), "Most columns."),
            Parameter(
                "quantity",
                {"type": "array", "items": one_of(*words())},
                "Names of sensors or charts, each as a parameter of its own; by default all "
                "charts.",
            ),
            ACCOUNT,
        ),
        replies={200: Reply("Its readings by sensor.", History)},
        errors=ERRORS | {404: "No case or device of this id is registered in the organisation."},
    ),
    Route(
        "getFleet",
        f"{PREFIX}/fleet",
        fleet.list_fleet,
        tag="readings",
        summary="All PMSes, MPPTs and inverters, the worst first",
        description="Each with what is the matter with it, by how bad that is. Figures are of "
        "the packs that report.",
        parameters=(ACCOUNT, KNOWN),
        replies=tagged("Each device in a row.", Fleet),
        errors=ERRORS,
    ),
    Route(
        "getRack",
        f"{PREFIX}/pms/{{ident}}/rack",
        fleet.rack_of_pms,
        tag="readings",
        summary="A PMS as it stands: cabinets, docks, packs, cells",
        description="Each pack in the dock that it is registered in. `undocked` packs have none; "
        "`reported_here` are reported by this PMS but registered elsewhere; `unknown_packs` are "
        "not registered, and their samples wait in quarantine.",
        parameters=(PMS, ACCOUNT, KNOWN),
        replies=tagged("The PMS with its cabinets.", Rack),
        errors=ERRORS | {404: NO_PMS},
    ),
    Route(
        "getLatestOfPms",
        f"{PREFIX}/pms/{{ident}}/latest",
        latest.latest_of_pms,
        tag="readings",
        summary="The newest readings of all packs of a PMS at once",
        description="Packs that have not reported are there, without readings.",
        parameters=(PMS, ACCOUNT, KNOWN),
        replies=tagged("The PMS, its cabinets, and its packs by dock.", LatestOfPms),
        errors=ERRORS | {404: NO_PMS},
    ),
    Route(
        "getCells",
        f"{PREFIX}/pms/{{ident}}/cells",
        cells.cells_of_pms,
        tag="readings",
        summary="What the cells of a PMS read at some moments of a time, and which stand out",
        description="A time is cut into columns; each has the newest readings at its end, not "
        "older than three readings take there, `look_back` seconds at most: null where there is "
        "none. Of many packs there are fewer columns than asked for.",
        parameters=(
            PMS,
            Parameter("start", TIME, "When the time begins; by default an hour before `end`."),
            END,
            Parameter("quantity", one_of(*QUANTITIES), "Which quantity; by default voltage."),
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
        summary="What came of each device in each hour, and what should have",
        description="What should have come is the most that came of a pack in any hour of the "
        "day before, for the most packs of any.",
        parameters=(
            Parameter("device", TEXT, f"Id of a {device_labels()}; by default all."),
            Parameter("since", TIME, "When the first hour begins; by default a day before."),
            Parameter("until", TIME, "When the last hour ends; by default now."),
            ACCOUNT,
        ),
        replies={200: Reply("Each hour of each device.", CompletenessList)},
        errors=ERRORS
        | {404: f"No {device_labels()} of this id is registered in the organisation."},
    ),
    Route(
        "listReceipts",
        f"{PREFIX}/receipts",
        receipts.list_receipts,
        tag="receipts",
        summary="Accepted requests, newest first",
        description="Requests that wait for a worker, or failed, are counted under `journal`.",
        parameters=(
            Parameter("limit", up_to(receipts.LARGEST_PAGE, receipts.PAGE), "Most receipts."),
            Parameter("before", up_to(receipts.LARGEST_ID), "The `next` of the page before."),
            Parameter("since", TIME, "Only requests that were received then or later."),
            ACCOUNT,
        ),
        replies={200: Reply("A page of receipts.", ReceiptList)},
        errors=ERRORS,
    ),
    Route(
        "getReceipt",
        f"{PREFIX}/receipts/{{receipt_id}}",
        receipts.one_receipt,
        tag="receipts",
        summary="One accepted request",
        description="What was sent, by whom, and what became of it.",
        parameters=(Parameter("receipt_id", INTEGER, "Id of the receipt.", where="path"),),
        replies={
            200: Reply(
                "Its receipt, or that it waits for one.",
                AnyOf(
                    "ReceiptStatus",
                    "What became of a request so far.",
                    (ProcessedReceipt, WaitingReceipt),
                ),
            )
        },
        errors=ERRORS | {404: "There is no such receipt among those that the sender may read."},
    ),
)
