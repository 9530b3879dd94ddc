"""Why samples wait in quarantine, and what releases them.

Every code that puts a sample into quarantine stands here: a test compares this table with the
code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from flexmeasures_pms.registry.messages.message import message_form

Release = Literal["registration", "time", "person"]
"""What ends the wait.

``registration``: registering something or correcting the registry, which replays the sample.
``time``: a replay when its time has come. ``person``: someone looks, and discards it with a
reason.
"""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: its title, what releases the sample, and what to do, in words."""

    title: str
    release: Release
    advice: str


_FIX = message_form(
    "Fix the sending software, and send the sample again. Look at this one and discard it with "
    "a reason: it can never be stored as it is."
)

REASONS: Mapping[str, Reason] = {
    "unknown_pack": Reason(
        message_form("Unknown pack"),
        "registration",
        message_form(
            "Register the pack, or correct where its board was: then its samples are stored "
            "automatically."
        ),
    ),
    "unknown_device": Reason(
        message_form("Unknown device"),
        "registration",
        message_form("Register the device: then its samples are stored automatically."),
    ),
    "conflict": Reason(
        message_form("Contradicts an earlier reading"),
        "person",
        message_form(
            "The first reading is kept. Look at both, and discard this one with a reason."
        ),
    ),
    "status_conflict": Reason(
        message_form("Status contradicts an earlier one"),
        "person",
        message_form(
            "The readings of the pack are stored, and the first status is kept. Look at both, "
            "and discard this one with a reason."
        ),
    ),
    "time_out_of_range": Reason(
        message_form("Impossible time"),
        "time",
        message_form(
            "Set the sender's clock. A sample ahead of time can be stored by trying again when "
            "its time has come; discard one that was never measured then."
        ),
    ),
    "invalid_time": Reason(message_form("Unreadable time"), "person", _FIX),
    "missing_time": Reason(message_form("No time"), "person", _FIX),
    "missing_device_id": Reason(message_form("No device named"), "person", _FIX),
    "missing_pack_id": Reason(message_form("No pack named"), "person", _FIX),
    "invalid_value": Reason(message_form("Unusable value"), "person", _FIX),
    "contradicting_values": Reason(message_form("Two values for one field"), "person", _FIX),
    "unreadable_sample": Reason(message_form("Unreadable sample"), "person", _FIX),
    "retracted": Reason(
        message_form("Retracted"),
        "person",
        message_form(
            "It was stored under a wrong time, taken back, and discarded. `flexmeasures pms "
            "quarantine replay --discarded --reason retracted` stores it again."
        ),
    ),
}


def reason_of(code: str) -> Reason:
    """Return a reason; one that is not known any more has its code as title."""
    return REASONS.get(code) or Reason(code.replace("_", " ").capitalize(), "person", _FIX)
