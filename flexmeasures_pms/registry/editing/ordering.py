"""Giving several orders at once: all of them change one changeset, or one is refused.

:data:`ORDERS` has a row for each order that there is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from flexmeasures_pms import identifiers
from flexmeasures_pms.errors import OrderRefused, RegistryError
from flexmeasures_pms.registry.directory import RegistryQuery
from flexmeasures_pms.registry.editing import order_records as records
from flexmeasures_pms.registry.editing import orders
from flexmeasures_pms.registry.editing.change import Author, Change
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.event import BusinessEvent, checked
from flexmeasures_pms.registry.editing.master_ordering import MASTER_TYPES
from flexmeasures_pms.registry.editing.naming import ASSEMBLIES
from flexmeasures_pms.registry.editing.order import Order
from flexmeasures_pms.registry.editing.order_records import AnyOrder, RegisterOrder
from flexmeasures_pms.registry.editing.order_type import OrderType
from flexmeasures_pms.registry.editing.orders import CorrectedInstallation
from flexmeasures_pms.registry.editing.registration import Details, spellings
from flexmeasures_pms.registry.kinds import BOARD, CASE, KINDS, PART_KINDS
from flexmeasures_pms.registry.messages.message import Message
from flexmeasures_pms.registry.messages.moments import EVENTS, PLANNED, accepted, read_moment

_BATCH = 200


@dataclass(frozen=True, slots=True)
class GivenOrder:
    """What came of one order.

    :param lines: messages; there is one even if nothing changed.
    :param changed: whether anything did.
    :param added: numbers of the things that it registered.
    """

    lines: tuple[Message, ...]
    changed: bool
    added: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OrderDefaults:
    """What holds for orders that do not say it themselves."""

    note: str | None = None
    at: str | None = None
    planned: bool = False


def give_orders(
    changeset: Changeset, author: Author, given: Sequence[AnyOrder], defaults: OrderDefaults
) -> list[GivenOrder]:
    """Give orders one after the other; each may name what those before it have registered.

    :raises OrderRefused: for the first that can't be made; the changeset can't be used then.
    """
    done = []
    for index, record in enumerate(given):
        if index % _BATCH == 0:
            _expect(changeset, given[index : index + _BATCH])
        done.append(_give(changeset, author, index, record, defaults))
    return done


def _give(
    changeset: Changeset, author: Author, index: int, record: AnyOrder, defaults: OrderDefaults
) -> GivenOrder:
    lines, known, recorded = len(changeset.lines), len(changeset.touched), _recorded(changeset)
    try:
        who = replace(author, note=record.note or defaults.note, event=_event(record))
        order = Order(who, _time(record, defaults), changeset.account_id, changeset)
        ORDERS[type(record)].give(order, record)
    except RegistryError as error:
        raise OrderRefused(error, index, _field(record, error)) from error
    new = islice(changeset.touched, known, None)
    return GivenOrder(
        tuple(changeset.lines[lines:]),
        _recorded(changeset) > recorded,
        tuple(number for number in new if changeset.is_new(number)),
    )


def _recorded(changeset: Changeset) -> int:
    return len(changeset.transactions) + len(changeset.master.transactions)


def _event(record: AnyOrder) -> BusinessEvent:
    """Return what an order says of its event; most say nothing."""
    told = {name: getattr(record, name, None) for name in BusinessEvent.__struct_fields__}
    if "findings" in told:
        told["findings"] = tuple(told["findings"] or ())
    return checked(BusinessEvent(**{name: value for name, value in told.items() if value}))


def of_its_order(error: RegistryError, given: Sequence[AnyOrder]) -> OrderRefused:
    """Return an error about a new id as that of the first order that has the id."""
    what = error.what
    ident = identifiers.key(str(what.values.get("ident", ""))) if isinstance(what, Message) else ""
    for index, record in enumerate(given):
        for name in _NAMES:
            if identifiers.key(getattr(record, name, None) or "") == ident:
                return OrderRefused(error, index, name)
    return OrderRefused(error, 0, ORDERS[type(given[0])].main)


def _time(record: AnyOrder, defaults: OrderDefaults) -> datetime | None:
    if not isinstance(record, records.TimedOrder):
        return None
    if record.at is None:
        return _moment("at", defaults.at, planned=record.planned or defaults.planned)
    return _moment("at", record.at, planned=record.planned)


class _UnusableTime(RegistryError):
    """A field that is no time, or none that is accepted."""

    def __init__(self, field: str, error: RegistryError) -> None:
        """Keep the field with what is wrong."""
        super().__init__(error.what, command=error.command, cure=error.cure)
        self.field = field


def _moment(field: str, text: str | None, *, planned: bool) -> datetime | None:
    try:
        return (text and accepted(read_moment(text), PLANNED if planned else EVENTS)) or None
    except RegistryError as error:
        raise _UnusableTime(field, error) from error


_OF_PLACE = frozenset({"taken", "docks", "no_dock", "two_docks", "which_dock"})
_NAMES = (
    "id", "old", "new", "into", "cabinet", "alias", "timezone",
    "name", "model", "product", "batch", "lot", "supplier", "serial",
)  # fmt: skip


def _field(record: AnyOrder, error: RegistryError) -> str:
    """Return the field that an error is about: the one whose text it has, else the main one."""
    if isinstance(error, _UnusableTime):
        return error.field
    fields = record.__struct_fields__
    if error.cure and error.cure.startswith("event_"):
        return error.cure.removeprefix("event_")
    if error.cure in _OF_PLACE:
        return next((name for name in ("place", "dock") if name in fields), "id")
    said = str(error.what).upper()
    sent = ((name, getattr(record, name, None)) for name in _NAMES)
    told = [(len(text), name) for name, text in sent if text and text.strip().upper() in said]
    return max(told)[1] if told else ORDERS[type(record)].main


def _expect(changeset: Changeset, some: Sequence[AnyOrder]) -> None:
    """Read at once what is registered of all that some orders name."""
    things = {thing for record in some for thing in _named(record)}
    changeset.base.expect(RegistryQuery(things=things, parts=True))


def _named(record: AnyOrder) -> Iterator[tuple[str, str]]:
    """Yield all that is looked up for an order, by kind and id."""
    kind = getattr(record, "kind", None)
    into_kind = getattr(record, "into_kind", None)
    for name, kinds in _LOOKED_UP.items():
        text = getattr(record, name, None)
        if text:
            among = {"into": into_kind, "alias": None}.get(name, kind)
            yield from ((one, text) for one in ([among] if among else kinds))
            yield BOARD, text
            if name != "into" and kind in (BOARD, None):
                yield from ((CASE, spelled) for spelled in spellings(text))


_LOOKED_UP: dict[str, Collection[str]] = {
    "id": KINDS, "old": PART_KINDS, "new": KINDS, "into": ASSEMBLIES, "cabinet": ASSEMBLIES,
    "alias": (BOARD,),
}  # fmt: skip


def _details(record: records.RegisterOrder | records.CorrectOrder) -> Details:
    return Details(
        docks=record.docks,
        timezone=record.timezone,
        latitude=record.latitude,
        longitude=record.longitude,
        parent_asset_id=record.parent_asset,
    )


def _register(order: Order, said: RegisterOrder) -> Change:
    return orders.register(order, said.kind, said.id, **_details(said))


def _install(order: Order, said: records.InstallOrder) -> Change:
    return orders.install(
        order,
        said.id,
        said.into,
        kind=said.kind,
        into_kinds=(said.into_kind,) if said.into_kind else ASSEMBLIES,
        place=said.place,
        exact=said.own_dock,
        with_packs=said.with_packs,
    )


def _remove(order: Order, said: records.RemoveOrder) -> Change:
    return orders.remove(order, said.id, kind=said.kind, with_packs=said.with_packs)


def _swap(order: Order, said: records.SwapOrder) -> Change:
    return orders.swap(
        order, said.old, said.new,
        kind=said.kind, new_too=said.register, with_packs=said.with_packs,
    )  # fmt: skip


def _move(order: Order, said: records.MoveOrder) -> Change:
    return orders.move_case(order, said.id, cabinet=said.cabinet, dock=said.dock)


def _service(order: Order, said: records.ServiceOrder) -> Change:
    return orders.service(order, said.id, kind=said.kind)


def _ship(order: Order, said: records.ShipOrder) -> Change:
    return orders.ship(order, said.id, kind=said.kind)


def _return(order: Order, said: records.ReturnOrder) -> Change:
    return orders.give_back(order, said.id, kind=said.kind)


def _retire(order: Order, said: records.RetireOrder) -> Change:
    return orders.retire(order, said.id, kind=said.kind, with_packs=said.with_packs)


def _revive(order: Order, said: records.ReviveOrder) -> Change:
    return orders.revive(order, said.id, kind=said.kind)


def _correct(order: Order, said: records.CorrectOrder) -> Change:
    since, until = (
        _moment(name, getattr(said, name), planned=said.planned) for name in ("since", "until")
    )
    corrected = CorrectedInstallation(said.into, said.place, since, until, said.own_dock)
    return orders.correct(
        order,
        said.id,
        corrected,
        _details(said),
        kind=said.kind,
        into_kinds=(said.into_kind,) if said.into_kind else ASSEMBLIES,
        with_packs=said.with_packs,
    )


def _add_alias(order: Order, said: records.AddAliasOrder) -> Change:
    return orders.add_alias(order, said.id, said.alias)


_TYPES = (
    OrderType(RegisterOrder, _register),
    OrderType(records.InstallOrder, _install),
    OrderType(records.RemoveOrder, _remove),
    OrderType(records.SwapOrder, _swap, main="new"),
    OrderType(records.MoveOrder, _move),
    OrderType(records.ServiceOrder, _service, main="note"),
    OrderType(records.ShipOrder, _ship),
    OrderType(records.ReturnOrder, _return),
    OrderType(records.RetireOrder, _retire),
    OrderType(records.ReviveOrder, _revive),
    OrderType(records.CorrectOrder, _correct),
    OrderType(records.AddAliasOrder, _add_alias, main="alias"),
    *MASTER_TYPES,
)

ORDERS: dict[type[AnyOrder], OrderType] = {one.record: one for one in _TYPES}
"""All orders, by the type of what is sent."""
