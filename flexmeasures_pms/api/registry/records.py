"""What the registry's routes reply with, one type each."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct, field


class ListedThing(Struct):
    """One thing of a list.

    :param number: of the thing in the registry; it never changes.
    :param kind: such as ``case``.
    :param id: as registered.
    :param retired_at: since when it is out of use; null while it is in use.
    """

    number: int
    kind: str
    id: str
    retired_at: datetime | None


class ThingList(Struct):
    """A page of what is registered, in the order of kinds and ids.

    :param next: the ``after`` of the next page; null on the last.
    """

    things: list[ListedThing]
    next: str | None


class PlaceRecord(Struct):
    """Where a part is or was installed.

    :param assembly_id: number of the assembly in the registry.
    :param assembly_kind: such as ``cabinet``.
    :param assembly: its id, as registered.
    :param slot: what the place is for, such as ``dock``.
    :param place: number of the place; null where there is but one, or it is not known.
    :param begin: since when; null if the start is not known.
    :param until: until when; null while it lasts.
    """

    assembly_id: int
    assembly_kind: str
    assembly: str
    slot: str
    place: int | None
    begin: datetime | None = field(name="from")
    until: datetime | None


class Thing(ListedThing, kw_only=True):
    """One registered thing.

    :param aliases: other spellings of a board's id.
    :param docks: of a cabinet; null if not registered.
    :param timezone: of its site, such as ``Asia/Jakarta``.
    :param parent_asset: id of the FlexMeasures asset above it, if one was given.
    :param asset: id of its FlexMeasures asset; null until it is made, and for parts.
    :param registered_at: when it was registered.
    :param installed_in: where it is now, then where that is, and so on.
    """

    aliases: list[str]
    docks: int | None
    timezone: str | None
    latitude: float | None
    longitude: float | None
    parent_asset: int | None
    asset: int | None
    registered_at: datetime | None
    installed_in: list[PlaceRecord]


class PartRecord(PlaceRecord, kw_only=True):
    """A part that is or was in an assembly.

    :param kind: of the part.
    :param id: of the part, as registered.
    """

    kind: str
    id: str


class RecordedTransaction(Struct):
    """What was recorded about a thing.

    :param number: of the transaction; a later one has a larger number.
    :param recorded_at: when it became known.
    :param effective_at: since when it holds; null if the start is not known.
    :param author: who recorded it.
    :param verb: what happened, such as ``installed``.
    :param kind: of the thing.
    :param id: of the thing, as registered then.
    :param before: what was recorded before; null if nothing was.
    :param after: what is recorded since.
    :param note: why.
    :param request_id: the same for all that one request, command or file has changed.
    :param cause: why, as one of the registry's words for it.
    :param code: of a fault.
    :param person: who did it, where that is not the author.
    :param document: the sender's own number of it.
    :param details: such as findings and measurements.
    """

    number: int
    recorded_at: datetime
    effective_at: datetime | None
    author: str
    verb: str
    kind: str
    id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    note: str | None
    request_id: str
    cause: str | None = None
    code: str | None = None
    person: str | None = None
    document: str | None = None
    details: dict[str, Any] | None = None


class ThingHistory(Struct):
    """A thing's life, as it is known now.

    :param installed_in: where it was, in the order of time.
    :param parts: what was in it, by slot and place.
    :param transactions: what was recorded about it and about parts in it, newest first.
    :param next: the ``before`` of the next page of transactions; null on the last.
    """

    kind: str
    id: str
    aliases: list[str]
    installed_in: list[PlaceRecord]
    parts: list[PartRecord]
    transactions: list[RecordedTransaction]
    next: int | None


class TreeRecord(Struct):
    """A thing with what is in it.

    :param slot: what its place is for; null on top.
    :param place: number of its place, counted in the slot.
    :param dock: a dock as it is counted across the PMS.
    :param retired: whether it is out of use at the time.
    :param asset_id: id of its FlexMeasures asset.
    :param parts: what is in it, by slot and place.
    """

    kind: str
    id: str
    slot: str | None
    place: int | None
    dock: int | None
    retired: bool
    asset_id: int | None
    parts: list[TreeRecord]


class ThingTree(Struct):
    """A thing with what was in it at a time.

    :param at: the time.
    """

    at: datetime
    tree: TreeRecord


class TreeList(Struct):
    """Things that were in nothing at a time, with what was in them.

    :param at: the time.
    :param next: the ``after`` of the next page; null on the last. A page may be empty although
        there is a next one.
    """

    at: datetime
    trees: list[TreeRecord]
    next: str | None


class IdMeaning(Struct):
    """What an id means at a time.

    :param case: the case that a reading under this id belongs to; null if none.
    :param dock: of that case, counted across the PMS; null if not known.
    :param installed_in: where it is, then where that is, and so on.
    :param retired_at: since when it is out of use; null while it is in use.
    :param retired: whether it is out of use at the time.
    """

    kind: str
    id: str
    aliases: list[str]
    at: datetime
    case: str | None
    dock: int | None
    installed_in: list[PlaceRecord]
    asset_id: int | None
    retired_at: datetime | None
    retired: bool


class IdMeanings(Struct):
    """What an id means at a time: one thing for each kind that has it."""

    meanings: list[IdMeaning]
