"""Giving orders about products, parties, batches and origins: see ``ordering``."""

from __future__ import annotations

from msgspec import structs

from flexmeasures_pms.registry.editing import master_order_records as records
from flexmeasures_pms.registry.editing import master_orders
from flexmeasures_pms.registry.editing.change import Change
from flexmeasures_pms.registry.editing.order import Order
from flexmeasures_pms.registry.editing.order_type import OrderType
from flexmeasures_pms.registry.editing.origins import OriginDetails


def _party(order: Order, said: records.RegisterPartyOrder) -> Change:
    return master_orders.register_party(
        order,
        said.name,
        roles=said.roles,
        contact=said.contact,
        email=said.email,
        phone=said.phone,
        address=said.address,
        note=said.remark,
    )


def _product(order: Order, said: records.RegisterProductOrder) -> Change:
    return master_orders.register_product(
        order,
        said.kind,
        said.vendor,
        said.model,
        said.revision,
        datasheet=said.datasheet,
        parameters=said.parameters or None,
        note=said.remark,
    )


def _batch(order: Order, said: records.RegisterBatchOrder) -> Change:
    return master_orders.register_batch(
        order,
        said.product,
        said.lot,
        kind=said.kind,
        made_on=said.made_on,
        supplier=said.supplier,
        purchase=said.purchase,
        note=said.remark,
    )


def _procure(order: Order, said: records.ProcureOrder) -> Change:
    told = structs.asdict(said)
    details = OriginDetails(**{name: told[name] for name in OriginDetails.__annotations__})  # type: ignore[typeddict-item]
    return master_orders.procure(order, said.id, kind=said.kind, **details)


MASTER_TYPES = (
    OrderType(records.RegisterPartyOrder, _party, main="name"),
    OrderType(records.RegisterProductOrder, _product, main="model"),
    OrderType(records.RegisterBatchOrder, _batch, main="lot"),
    OrderType(records.ProcureOrder, _procure),
)
