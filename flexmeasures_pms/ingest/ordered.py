"""A request of several orders: done once, as a whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy.exc import IntegrityError

from flexmeasures_pms.config import settings
from flexmeasures_pms.deadline import at_most
from flexmeasures_pms.errors import RegistryConflict, StorageBusy
from flexmeasures_pms.ingest.follow_up import commit_with_effects, complete
from flexmeasures_pms.plural import counted
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.doubtful import AcceptedIds, refuse_doubtful
from flexmeasures_pms.registry.editing.order_records import AnyOrder
from flexmeasures_pms.registry.editing.order_requests import first_answer, keep_answer
from flexmeasures_pms.registry.editing.ordering import (
    GivenOrder,
    OrderDefaults,
    give_orders,
    of_its_order,
)
from flexmeasures_pms.registry.editing.resubmission import recorded_things
from flexmeasures_pms.registry.editing.would_be import would_be
from flexmeasures_pms.registry.editing.writer import editing
from flexmeasures_pms.registry.messages.message import Message, Renderer
from flexmeasures_pms.registry.queries.changes import last_number
from flexmeasures_pms.registry.timeline import iso
from flexmeasures_pms.storage.session import abandon, after_commit

PLAIN = Renderer(str, iso, counted)
"""Messages for programs: in English, with times in UTC."""

_COMPLETING = 5.0
"""Seconds in which what follows from a request that was sent again is begun."""

Permit = Callable[[Changeset, Sequence[GivenOrder]], None]
"""Raises an error unless the sender may do what was ordered."""


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """Several orders that are given at once.

    :param key: of the sender, for this request.
    :param accepted: which doubtful ids may be registered.
    """

    key: str
    orders: Sequence[AnyOrder]
    defaults: OrderDefaults
    accepted: AcceptedIds

    @property
    def digest(self) -> bytes:
        """Tell requests apart by what they order, however it is written."""
        # Without what is not said: a later version that knows more options sees the same request.
        said = (self.orders, _said(self.defaults), _said(self.accepted))
        return sha256(msgspec.json.encode(said)).digest()


def _said(options: OrderDefaults | AcceptedIds) -> dict[str, Any]:
    return {name: value for name, value in asdict(options).items() if value}


class OrderResult(Struct):
    """What came of one order.

    :param changed: whether it changed anything.
    :param messages: what was done, for people; there is one even if nothing changed.
    """

    changed: bool
    messages: list[str]


class OrdersDone(Struct):
    """What came of a request of orders.

    :param repeated: whether the request was done already: this is the first answer.
    :param dry_run: whether nothing was written.
    :param request_id: the same for all transactions of the request; null if it changed nothing.
    :param last_change: number of the registry's last change after it, for ``since`` of the
        change feed; null in a dry run.
    :param orders: one entry for each order.
    """

    repeated: bool
    dry_run: bool
    request_id: str | None
    last_change: int | None
    orders: list[OrderResult]


def do_orders(account_id: int, asked: OrderRequest, author: Author, permit: Permit) -> OrdersDone:
    """Do a request once; for a repeated one, return the first answer.

    :raises OrderRefused: for the first order that can't be made, or whose new id may be a mistake;
        nothing was done then.
    :raises OtherRequest: if the key was that of another request.
    :raises StorageBusy: if something that it needs was deleted at the same time.
    """
    known = first_answer(
        account_id, asked.key, asked.digest, lock_timeout=at_most(settings().lock_timeout)
    )
    if known is not None:
        abandon()
        return _again(account_id, msgspec.convert(known, OrdersDone))
    try:
        changeset, given = _written(account_id, asked, author, permit)
        request = str(author.request_id) if changeset.transactions else None
        done = OrdersDone(False, False, request, last_number(account_id), _results(given))
        keep_answer(account_id, asked.key, asked.digest, msgspec.to_builtins(done))
        commit_with_effects(changeset.change(), author)
    except IntegrityError as error:
        raise StorageBusy(
            "Something that the orders need was changed at the same time: nothing was done. Send "
            "the same request again."
        ) from error
    return done


def try_orders(account_id: int, asked: OrderRequest, author: Author, permit: Permit) -> OrdersDone:
    """Return what a request would do, and leave all as it is; its key is not looked at.

    :raises RegistryError: as :func:`do_orders`.
    """
    _, given = _written(account_id, asked, author, permit)
    abandon()
    would = [replace(one, lines=tuple(map(would_be, one.lines))) for one in given]
    return OrdersDone(False, True, None, None, _results(would))


def _written(
    account_id: int, asked: OrderRequest, author: Author, permit: Permit
) -> tuple[Changeset, list[GivenOrder]]:
    with editing(account_id, author, expected=len(asked.orders)) as changeset:
        given = give_orders(changeset, author, asked.orders, asked.defaults)
        permit(changeset, given)
    try:
        refuse_doubtful(changeset.change(), asked.accepted)
    except RegistryConflict as error:
        raise of_its_order(error, asked.orders) from error
    return changeset, given


def _again(account_id: int, first: OrdersDone) -> OrdersDone:
    """Return the first answer, and complete what was cut off after the commit."""
    if first.request_id is not None:
        with after_commit("What follows from orders that were sent again was put off."):
            things = recorded_things(account_id, first.request_id)
            complete(account_id, things, seconds=_COMPLETING)
    return msgspec.structs.replace(first, repeated=True)


def _results(given: Sequence[GivenOrder]) -> list[OrderResult]:
    return [OrderResult(one.changed, [_text(line) for line in one.lines]) for one in given]


def _text(line: Message) -> str:
    return line.render(PLAIN)
