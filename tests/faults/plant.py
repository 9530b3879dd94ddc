"""The two organisations of the harness: the same ids, not quite the same things.

The server registers what stands here and the checker reads the bodies by it, so that
neither asks the product what an id means.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from faults import registry_late, registry_plan

ORGANISATIONS = ("North", "South")
START = datetime(2025, 1, 1, tzinfo=UTC)
PMS = "PMS-1"
CABINETS = {"PMS-1-A": [f"{n:04d}" for n in range(241, 247)],
            "PMS-1-B": [f"{n:04d}" for n in range(251, 257)]}  # fmt: skip
DOCKS = {
    case: dock
    for first, cases in zip((1, 13), CABINETS.values(), strict=True)
    for dock, case in enumerate(cases, first)
}
MPPT, INVERTER = "MPPT-1", "INV-1"
DEVICES = (("pms", PMS), ("pms", registry_plan.PMS), ("mppt", MPPT), ("inverter", INVERTER))

# Registered in the second organisation only.
ONLY_SOUTH = "0777"
UNKNOWN_PACKS = ("0999", ONLY_SOUTH)
UNKNOWN_PMS = "PMS-9"
# What is in no scope of a key for some devices.
ONLY_FOR_ALL = (UNKNOWN_PMS, f"PMS-{registry_late.PREFIX}")

# A board of the same number sits in another case of each organisation; one of them moves.
STILL, MOVING = "66CFF353734574E43230001", "66CFF353734574E43230002"
MOVE_AT = START + timedelta(minutes=2)
BOARDS = (
    {STILL: ["0242"], MOVING: ["0243", "0244"]},
    {STILL: ["0252"], MOVING: ["0253", "0254"]},
)


def case_of(organisation: int, pack_id: str, at: datetime) -> str | None:
    """Which case a pack id means in an organisation at a time."""
    if pack_id in DOCKS or (pack_id == ONLY_SOUTH and organisation == 1):
        return pack_id
    cases = BOARDS[organisation].get(pack_id)
    return cases[-1 if at >= MOVE_AT else 0] if cases else None
