"""Every acknowledged request has the receipt that was promised, and all of them add up."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from faults.registry_site import is_changing_pms
from faults.rows import rows
from faults.traffic import Body

if TYPE_CHECKING:
    from faults.checker import Verdict

_RECEIPTS = """
    SELECT id, sender, dataset, samples, stored,
      stored + duplicate + quarantined + no_answer + refused
    FROM pms_receipt WHERE account_id = %s"""
# Of all devices; what a board's correction sent back to wait is counted again when it is stored.
_BY_DEVICE = """
    SELECT t.ident, sum(h.samples)::int FROM pms_receipt_hour h
      JOIN pms_receipt r ON r.id = h.receipt_id JOIN pms_trackable t ON t.id = h.device_id
    WHERE r.account_id = %s GROUP BY t.ident"""
_JOURNAL = "SELECT id, state, attempts, last_error FROM pms_journal WHERE account_id = %s"


def check_receipts(
    connection: Any, account: int, bodies: list[Body], stored: Counter[str], verdict: Verdict
) -> None:
    """Hold an organisation's receipts against its requests and what is stored.

    :param stored: how many samples there are, by device: each was counted as stored once.
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
    by_device = Counter(dict(rows(connection, _BY_DEVICE, account)))
    if counted != by_device.total():
        verdict.untold.append(f"{account}: {counted} stored samples, but by hours {by_device}")
    for device in by_device.keys() | stored.keys():
        told, there = by_device[device], stored[device]
        if told < there or (told > there and not is_changing_pms(device)):
            verdict.untold.append(
                f"{account}: receipts tell of {told} stored samples of {there} of {device}"
            )
