"""Orders as programs send them: one type for each, told apart by ``order``."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from flexmeasures_pms.identifiers import MAX_LENGTH
from flexmeasures_pms.registry.editing.event import (
    MAX_CODE,
    MAX_DOCUMENT,
    MAX_FINDING,
    MAX_FINDINGS,
    MAX_MEASURED_NAME,
    MAX_MEASURED_TEXT,
    MAX_MEASUREMENTS,
    MAX_PERSON,
    Cause,
)
from flexmeasures_pms.registry.editing.naming import ASSEMBLIES
from flexmeasures_pms.registry.kinds import KINDS, MAX_DOCKS, PART_KINDS

MOST_NOTE = 1_000

PLAIN = r"^[^\u0000-\u001f\u007f-\u009f]*$"
LINES = r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$"

IdText = Annotated[str, Meta(min_length=1, max_length=MAX_LENGTH, pattern=PLAIN)]
NoteText = Annotated[str, Meta(max_length=MOST_NOTE, pattern=LINES)]
NeededNote = Annotated[str, Meta(min_length=1, max_length=MOST_NOTE, pattern=LINES)]
TimeText = Annotated[
    str, Meta(max_length=MAX_LENGTH, pattern=PLAIN, extra_json_schema={"format": "date-time"})
]
AnyKind = Annotated[str, Meta(pattern=f"^({'|'.join(KINDS)})$")]
PartKind = Annotated[str, Meta(pattern=f"^({'|'.join(PART_KINDS)})$")]
AssemblyKind = Annotated[str, Meta(pattern=f"^({'|'.join(ASSEMBLIES)})$")]
PlaceNumber = Annotated[int, Meta(ge=1, le=MAX_DOCKS)]
ZoneName = Annotated[str, Meta(max_length=MAX_LENGTH, pattern=PLAIN)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
CodeText = Annotated[str, Meta(max_length=MAX_CODE, pattern=PLAIN)]
PersonText = Annotated[str, Meta(max_length=MAX_PERSON, pattern=PLAIN)]
DocumentText = Annotated[str, Meta(max_length=MAX_DOCUMENT, pattern=PLAIN)]
FindingText = Annotated[str, Meta(min_length=1, max_length=MAX_FINDING, pattern=LINES)]
FindingTexts = Annotated[list[FindingText], Meta(max_length=MAX_FINDINGS)]
MeasuredName = Annotated[str, Meta(min_length=1, max_length=MAX_MEASURED_NAME, pattern=PLAIN)]
MeasuredText = Annotated[str, Meta(min_length=1, max_length=MAX_MEASURED_TEXT, pattern=PLAIN)]
MeasuredValues = Annotated[
    dict[MeasuredName, int | float | MeasuredText], Meta(max_length=MAX_MEASUREMENTS)
]
AssetNumber = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class AnyOrder(
    Struct, kw_only=True, tag_field="order", forbid_unknown_fields=True, omit_defaults=True
):
    """What every order may have.

    :param note: why; by default the note of the request.
    """

    note: NoteText | None = None


class TimedOrder(AnyOrder, kw_only=True):
    """What an order with a time may have.

    :param at: since when, with an offset from UTC. By default that of the request. If that has
        none, a first installation has no start, and a change starts now.
    :param planned: whether the time may be up to a year ahead.
    """

    at: TimeText | None = None
    planned: bool = False


class EventOrder(TimedOrder, kw_only=True):
    """What an order about a business event may have.

    :param cause: why it was done.
    :param code: of a fault.
    :param person: who did it, where that is not who sends it.
    :param document: the sender's own number of a document, such as a work order.
    """

    cause: Cause | None = None
    code: CodeText | None = None
    person: PersonText | None = None
    document: DocumentText | None = None


class RegisterOrder(AnyOrder, kw_only=True, tag="register"):
    """Register a thing; one that is registered already gets the details that it lacks.

    :param docks: of a cabinet.
    :param timezone: of a site, such as ``Asia/Jakarta``.
    :param latitude: of a site [degrees]; together with ``longitude``.
    :param longitude: of a site [degrees]; together with ``latitude``.
    :param parent_asset: id of the FlexMeasures asset above it.
    """

    kind: AnyKind
    id: IdText
    docks: PlaceNumber | None = None
    timezone: ZoneName | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    parent_asset: AssetNumber | None = None


class InstallOrder(EventOrder, kw_only=True, tag="install"):
    """Install a part in an assembly; it is removed from where it was.

    :param id: of the part.
    :param into: id of the assembly.
    :param kind: of the part; an unknown part is registered as this kind.
    :param into_kind: of the assembly, if several have this id.
    :param place: number of the dock, position or cell block position.
    :param own_dock: whether the number of a dock is certainly the cabinet's own; otherwise it may
        also be that on the rack, and is refused if it could be two docks.
    :param with_packs: whether a cabinet may leave its PMS with the packs in it.
    """

    id: IdText
    into: IdText
    kind: PartKind | None = None
    into_kind: AssemblyKind | None = None
    place: PlaceNumber | None = None
    own_dock: bool = False
    with_packs: bool = False


class RemoveOrder(EventOrder, kw_only=True, tag="remove"):
    """Remove a part from where it is.

    :param kind: of the part, if several have this id.
    :param with_packs: whether a cabinet may leave its PMS with the packs in it.
    """

    id: IdText
    kind: AnyKind | None = None
    with_packs: bool = False


class SwapOrder(EventOrder, kw_only=True, tag="swap"):
    """Let a part take the place of another one, which is then installed nowhere.

    :param old: id of the part that is installed.
    :param new: id of the part that takes its place; an unknown part is registered.
    :param kind: of both.
    :param register: whether ``new`` may be a case or cabinet that is not registered.
    :param with_packs: whether cabinets may leave their PMSes with the packs in them.
    """

    old: IdText
    new: IdText
    kind: PartKind | None = None
    register: bool = False
    with_packs: bool = False


class MoveOrder(EventOrder, kw_only=True, tag="move"):
    """Move a case to a dock of a cabinet.

    :param id: of the case.
    :param cabinet: its id.
    :param dock: by the cabinet's own number, or by that on the rack.
    """

    id: IdText
    cabinet: IdText
    dock: PlaceNumber


class ServiceOrder(EventOrder, kw_only=True, tag="service"):
    """Record that something was serviced; the note says what was done.

    :param kind: if several have this id.
    :param findings: what was found.
    :param measured: numbers or texts by name, with the unit in the name.
    """

    id: IdText
    kind: AnyKind | None = None
    findings: FindingTexts = field(default_factory=list)
    measured: MeasuredValues = field(default_factory=dict)


class ShipOrder(EventOrder, kw_only=True, tag="ship"):
    """Record that something was sent off; no place changes.

    :param kind: if several have this id.
    """

    id: IdText
    kind: AnyKind | None = None


class ReturnOrder(EventOrder, kw_only=True, tag="return"):
    """Record that something was returned to where it came from; it must not be installed.

    :param kind: if several have this id.
    """

    id: IdText
    kind: AnyKind | None = None


class RetireOrder(EventOrder, kw_only=True, tag="retire"):
    """Take something out of use; its telemetry and history stay, and what is in it.

    :param kind: if several have this id.
    :param with_packs: whether a cabinet may leave its PMS with the packs in it.
    """

    id: IdText
    kind: AnyKind | None = None
    with_packs: bool = False


class ReviveOrder(AnyOrder, kw_only=True, tag="revive"):
    """Bring something retired back into use; it can be installed again.

    :param kind: if several have this id.
    """

    id: IdText
    kind: AnyKind | None = None


class CorrectOrder(AnyOrder, kw_only=True, tag="correct"):
    """Correct what is recorded of an installation, or details of a registration.

    :param note: why; it is required.
    :param kind: if several have this id.
    :param into: where it really was.
    :param into_kind: of that, if several have this id.
    :param place: in which dock, position or cell block position.
    :param own_dock: whether the number of a dock is certainly the cabinet's own.
    :param since: since when.
    :param until: until when.
    :param planned: whether these times may be up to a year ahead.
    :param docks: of a cabinet; the other details are as for ``register``.
    :param with_packs: whether cabinets may leave their PMSes with the packs in them.
    """

    note: NeededNote
    id: IdText
    kind: AnyKind | None = None
    into: IdText | None = None
    into_kind: AssemblyKind | None = None
    place: PlaceNumber | None = None
    own_dock: bool = False
    since: TimeText | None = None
    until: TimeText | None = None
    planned: bool = False
    docks: PlaceNumber | None = None
    timezone: ZoneName | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    parent_asset: AssetNumber | None = None
    with_packs: bool = False


class AddAliasOrder(AnyOrder, kw_only=True, tag="add-alias"):
    """Let an acquisition board be known under one more spelling of its id.

    :param id: of the board.
    :param alias: the other spelling.
    """

    id: IdText
    alias: IdText
