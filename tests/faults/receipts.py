"""Every acknowledged request has the receipt that was promised, and all of them add up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faults.rows import rows
from faults.traffic import Body

if TYPE_CHECKING:
    from faults.checker import Verdict

_RECEIPTS = """
    SELECT id, sender, dataset, samples, stored,
      stored + duplicate + quarantined + no_answer + refused
    FROM pms_receipt WHERE account_id = %s"""
_JOURNAL = "SELECT id, state, attempts, last_error FROM pms_journal WHERE account_id = %s"


def check_receipts(
    connection: Any, account: int, bodies: list[Body], stored: int, verdict: Verdict
) -> None:
    """Hold an organisation's receipts against its requests and what is stored.

    :param stored: how many samples there are: each was counted as stored once.
    """
    found = {row[0]: row[1:] for row in rows(connection, _RECEIPTS, account)}
    verdict.receipts += len(found)
    for number, *rest in rows(connection, _JOURNAL, account):
        verdict.lost.append(f"{account} request {number} is still in the journal: {rest}")
    for body in bodies:
        for number in body.receipts:
            sender, dataset, samples, _, told = found.get(number, ("", "", 0, 0, 0))
            if (sender, dataset, samples) != (body.sender, body.dataset, body.samples):
                verdict.untold.append(f"{account} receipt {number}: {found.get(number)}")
            elif samples != told:
                verdict.untold.append(f"{account} receipt {number}: {told} of {samples} samples")
    counted = sum(row[3] for row in found.values())
    if counted != stored:
        verdict.untold.append(f"{account}: receipts tell of {counted} stored samples of {stored}")
