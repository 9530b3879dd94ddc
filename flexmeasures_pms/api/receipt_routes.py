"""The routes of receipts, for the table of routes."""

from __future__ import annotations

from flexmeasures_pms.api import receipts
from flexmeasures_pms.api.common import ACCOUNT, ERRORS, INTEGER, TIME, up_to
from flexmeasures_pms.api.replies import ProcessedReceipt, ReceiptList, WaitingReceipt
from flexmeasures_pms.api.route import PREFIX, AnyOf, Parameter, Reply, Route

RECEIPTS = (
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
            Parameter("since", TIME, "Only requests that were received at this time or later."),
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
        description="What was sent, by whom, and its result.",
        parameters=(Parameter("receipt_id", INTEGER, "Id of the receipt.", where="path"),),
        replies={
            200: Reply(
                "Its receipt, or its state in the journal.",
                AnyOf(
                    "ReceiptStatus",
                    "The result of a request so far.",
                    (ProcessedReceipt, WaitingReceipt),
                ),
            )
        },
        errors=ERRORS | {404: "There is no such receipt, or the sender may not read it."},
    ),
)
