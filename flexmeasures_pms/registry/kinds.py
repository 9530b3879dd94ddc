"""The kinds of trackables and what fits where (the metamodel of the seed).

A site has any number of devices: PMSes, MPPTs and inverters. A PMS has 1-4 cabinets; a cabinet one
controller (EHub or BBC), one busbar, and docks with cases; a case 14 cell blocks, one FET board and
one acquisition board.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flexmeasures_pms.catalogue.asset_types import (
    ASSET_TYPE_BY_NAME,
    DATASETS,
    DEVICE_KINDS,
    SINGLE_DEVICES,
)

TrackableClass = Literal["location", "system", "device", "assembly", "component"]

SITE = "site"
PMS = "pms"
CABINET = "cabinet"
CASE = "case"
BOARD = "acquisition-board"
FET_BOARD = "fet-board"
CELL_BLOCK = "cell-block"
EHUB = "ehub"
BBC = "bbc"
BUSBAR = "busbar"

DEFAULT_DOCKS = 12
MAX_CABINETS = 4
MAX_DOCKS = 48
"""Docks across a whole PMS, and therefore the most that one cabinet can have."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of trackable.

    :param name: as stored and as given on the command line.
    :param trackable_class: the seed's class.
    :param words: as written in sentences.
    """

    name: str
    trackable_class: TrackableClass
    words: str

    @property
    def first_verb(self) -> str:
        """The transaction that begins its life: assemblies are assembled, parts bought."""
        if self.trackable_class == "location":
            return "registered"
        return "assembled" if self.trackable_class in ("assembly", "system") else "procured"


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(SITE, "location", "site"),
        Kind(PMS, "system", "PMS"),
        Kind(CABINET, "assembly", "cabinet"),
        Kind(CASE, "assembly", "case"),
        *(Kind(device.name, "device", device.label) for device in SINGLE_DEVICES),
        Kind(BOARD, "component", "acquisition board"),
        Kind(FET_BOARD, "component", "FET board"),
        Kind(CELL_BLOCK, "component", "cell block"),
        Kind(EHUB, "component", "EHub"),
        Kind(BBC, "component", "BBC"),
        Kind(BUSBAR, "component", "busbar"),
    )
}


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot of an assembly: which kinds go in, and into how many places.

    :param places: number of places; None where it follows from the registration, 0 where it
        takes any number of parts and they have no places.
    """

    name: str
    assembly: str
    parts: tuple[str, ...]
    places: int | None
    words: str

    @property
    def numbered(self) -> bool:
        """Whether it has several places, so that a place needs its number."""
        return self.places is None or self.places > 1


SLOTS: tuple[Slot, ...] = (
    Slot("acquisition-board", CASE, (BOARD,), 1, "acquisition board"),
    Slot("fet-board", CASE, (FET_BOARD,), 1, "FET board"),
    Slot("cell-block", CASE, (CELL_BLOCK,), 14, "cell block position"),
    Slot("controller", CABINET, (EHUB, BBC), 1, "controller"),
    Slot("busbar", CABINET, (BUSBAR,), 1, "busbar"),
    Slot("dock", CABINET, (CASE,), None, "dock"),
    Slot("dock", PMS, (CASE,), MAX_DOCKS, "dock"),
    Slot("cabinet", PMS, (CABINET,), MAX_CABINETS, "position"),
    *(Slot(device.name, SITE, (device.name,), 0, device.label) for device in DEVICE_KINDS),
)

ASSET_KINDS: tuple[str, ...] = tuple(ASSET_TYPE_BY_NAME)
"""The kinds that have a FlexMeasures asset, each after those that its assets may be below."""

DEVICES: tuple[str, ...] = DATASETS
"""The kinds that report: they may be in a site, and need not."""

LOCATED: tuple[str, ...] = (SITE, *DEVICES)
"""The kinds that have a time zone and a location."""

_SLOT_BY_KINDS = {(slot.assembly, part): slot for slot in SLOTS for part in slot.parts}

PART_KINDS: tuple[str, ...] = tuple(dict.fromkeys(p for slot in SLOTS for p in slot.parts))
"""The kinds that can be installed in something: the KIND of the command line."""


BUILT_IN: tuple[str, ...] = tuple(kind for kind in PART_KINDS if kind not in DEVICES)
"""The kinds that are built into something: one that is installed nowhere is spare."""


def slot_for(assembly_kind: str, part_kind: str) -> Slot | None:
    """Return the slot of an assembly that takes parts of a kind, or None."""
    return _SLOT_BY_KINDS.get((assembly_kind, part_kind))


def interchangeable(kind: str) -> tuple[str, ...]:
    """Return the kinds that fit where a part of this kind fits, itself first."""
    others = (p for s in SLOTS if kind in s.parts for p in s.parts if p != kind)
    return (kind, *dict.fromkeys(others))


def words(kind: str) -> str:
    """Return a kind as written in sentences, such as ``acquisition board``."""
    return KINDS[kind].words
