"""Orders about products, parties, batches and origins, as programs send them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, field

from flexmeasures_pms.registry.editing.order_records import (
    PLAIN,
    AnyKind,
    AnyOrder,
    IdText,
    NoteText,
    TimedOrder,
)
from flexmeasures_pms.registry.master.rules import MAX_NAME, MAX_PARAMETERS, MAX_TEXT

NameText = Annotated[str, Meta(min_length=1, max_length=MAX_NAME, pattern=PLAIN)]
PlainText = Annotated[str, Meta(max_length=MAX_TEXT, pattern=PLAIN)]
PartyRole = Literal["supplier", "customer", "partner", "service company"]
Roles = Annotated[list[PartyRole], Meta(max_length=4)]
ParameterValues = Annotated[
    dict[NameText, int | float | PlainText], Meta(max_length=MAX_PARAMETERS)
]


class RegisterPartyOrder(AnyOrder, kw_only=True, tag="register-party"):
    """Register who things come from; one that is registered already gets what it lacks.

    :param contact: who to speak to.
    :param remark: what else is to be known of it.
    """

    name: NameText
    roles: Roles = field(default_factory=list)
    contact: PlainText | None = None
    email: PlainText | None = None
    phone: PlainText | None = None
    address: PlainText | None = None
    remark: NoteText | None = None


class RegisterProductOrder(AnyOrder, kw_only=True, tag="register-product"):
    """Register what a vendor makes; one that is registered already gets what it lacks.

    :param kind: of which kind of thing.
    :param datasheet: its address on the web.
    :param parameters: numbers or texts by name, with the unit in the name.
    :param remark: what else is to be known of it.
    """

    kind: AnyKind
    vendor: NameText
    model: NameText
    revision: PlainText = ""
    datasheet: PlainText | None = None
    parameters: ParameterValues = field(default_factory=dict)
    remark: NoteText | None = None


class RegisterBatchOrder(AnyOrder, kw_only=True, tag="register-batch"):
    """Register things of a product that were made together.

    :param product: vendor, model and revision.
    :param kind: of the product, where several have its name.
    :param made_on: a day.
    :param supplier: the name of a party.
    :param purchase: the number of an order.
    :param remark: what else is to be known of it.
    """

    product: NameText
    lot: NameText
    kind: AnyKind | None = None
    made_on: date | None = None
    supplier: NameText | None = None
    purchase: PlainText | None = None
    remark: NoteText | None = None


class ProcureOrder(TimedOrder, kw_only=True, tag="procure"):
    """Add to what is known of where a thing comes from.

    :param kind: if several have this id.
    :param product: vendor, model and revision.
    :param batch: its lot; an unknown one of a known product is registered.
    :param serial: its serial number.
    :param made_on: a day; ``purchased_on`` and ``warranty_until`` likewise.
    :param supplier: the name of a party.
    :param purchase: the number of an order.
    """

    id: IdText
    kind: AnyKind | None = None
    product: NameText | None = None
    batch: NameText | None = None
    serial: NameText | None = None
    made_on: date | None = None
    supplier: NameText | None = None
    purchase: PlainText | None = None
    purchased_on: date | None = None
    warranty_until: date | None = None
