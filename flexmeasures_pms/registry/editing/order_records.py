"""Orders as programs send them: one type for each, told apart by ``order``."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from flexmeasures_pms.identifiers import MAX_LENGTH
from flexmeasures_pms.registry.editing.naming import ASSEMBLIES
from flexmeasures_pms.registry.kinds import KINDS, MAX_DOCKS, PART_KINDS

MOST_NOTE = 1_000

_PLAIN = r"^[^\u0000-\u001f\u007f-\u009f]*$"
_LINES = r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$"

IdText = Annotated[str, Meta(min_length=1, max_length=MAX_LENGTH, pattern=_PLAIN)]
NoteText = Annotated[str, Meta(max_length=MOST_NOTE, pattern=_LINES)]
NeededNote = Annotated[str, Meta(min_length=1, max_length=MOST_NOTE, pattern=_LINES)]
TimeText = Annotated[
    str, Meta(max_length=MAX_LENGTH, pattern=_PLAIN, extra_json_schema={"format": "date-time"})
]
AnyKind = Annotated[str, Meta(pattern=f"^({'|'.join(KINDS)})$")]
PartKind = Annotated[str, Meta(pattern=f"^({'|'.join(PART_KINDS)})$")]
AssemblyKind = Annotated[str, Meta(pattern=f"^({'|'.join(ASSEMBLIES)})$")]
PlaceNumber = Annotated[int, Meta(ge=1, le=MAX_DOCKS)]
ZoneName = Annotated[str, Meta(max_length=MAX_LENGTH, pattern=_PLAIN)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
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


class InstallOrder(TimedOrder, kw_only=True, tag="install"):
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


class RemoveOrder(TimedOrder, kw_only=True, tag="remove"):
    """Remove a part from where it is.

    :param kind: of the part, if several have this id.
    :param with_packs: whether a cabinet may leave its PMS with the packs in it.
    """

    id: IdText
    kind: AnyKind | None = None
    with_packs: bool = False


class SwapOrder(TimedOrder, kw_only=True, tag="swap"):
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


class MoveOrder(TimedOrder, kw_only=True, tag="move"):
    """Move a case to a dock of a cabinet.

    :param id: of the case.
    :param cabinet: its id.
    :param dock: by the cabinet's own number, or by that on the rack.
    """

    id: IdText
    cabinet: IdText
    dock: PlaceNumber


class ServiceOrder(TimedOrder, kw_only=True, tag="service"):
    """Record that something was serviced; the note says what was done.

    :param kind: if several have this id.
    """

    id: IdText
    kind: AnyKind | None = None


class RetireOrder(TimedOrder, kw_only=True, tag="retire"):
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
