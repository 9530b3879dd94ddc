"""What an order is to those who give it: the type of what is sent, and how it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flexmeasures_pms.registry.editing.change import Change
from flexmeasures_pms.registry.editing.order import Order
from flexmeasures_pms.registry.editing.order_records import AnyOrder

Give = Callable[[Order, Any], Change]


@dataclass(frozen=True, slots=True)
class OrderType:
    """An order that can be given.

    :param record: the type of what is sent.
    :param give: gives it.
    :param main: the field of a refusal that fits no other.
    """

    record: type[AnyOrder]
    give: Give
    main: str = "id"
