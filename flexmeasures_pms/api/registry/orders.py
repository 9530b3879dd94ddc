"""``POST …/registry/orders``: several changes of the registry, all of them or none, once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Annotated, Any

import msgspec
from flask import Response, request
from msgspec import Meta, Struct
from werkzeug.exceptions import MethodNotAllowed

from flexmeasures_pms.api.body import whole_body
from flexmeasures_pms.api.failures import reply
from flexmeasures_pms.api.registry.access import Changer, changer
from flexmeasures_pms.api.replies import Error
from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import (
    AccessError,
    MisshapenBody,
    OrderRefused,
    OtherRequest,
    Problem,
    RegistryError,
    UnreadableBody,
    UnsupportedBody,
)
from flexmeasures_pms.gateways.at_once import turn
from flexmeasures_pms.ingest.ordered import PLAIN, OrderRequest, do_orders, try_orders
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.doubtful import AcceptedIds
from flexmeasures_pms.registry.editing.order_records import (
    AnyOrder,
    NoteText,
    RegisterOrder,
    TimeText,
)
from flexmeasures_pms.registry.editing.ordering import ORDERS, GivenOrder, OrderDefaults
from flexmeasures_pms.registry.kinds import ASSET_KINDS, LOCATED
from flexmeasures_pms.registry.messages.message import Message
from flexmeasures_pms.storage.session import abandon

MOST_ORDERS = 2_000
LONGEST_KEY = 200

RequestKey = Annotated[
    str,
    Meta(min_length=1, max_length=LONGEST_KEY, pattern=r"^[^\u0000-\u001f\u007f-\u009f]*$"),
]
_Any: Any = reduce(or_, ORDERS)
OrderList = Annotated[list[_Any], Meta(min_length=1, max_length=MOST_ORDERS)]


class OrdersRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """Several changes of the registry. All of them are made, or none is.

    :param key: chosen by the sender, another one for each request. A repeated request with the
        same key gets the first answer and changes nothing.
    :param orders: in the order in which they are given; each may name what those before it have
        registered.
    :param at: since when, for orders that do not say it themselves.
    :param planned: whether this time may be up to a year ahead.
    :param note: why, for orders that do not say it themselves.
    :param similar_ids: also register ids that differ from known ones only by leading zeros.
    :param odd_ids: also register placeholders such as N/A, and what spreadsheets leave, such as
        241.0.
    :param dry_run: only say what would be done.
    """

    key: RequestKey
    orders: OrderList
    at: TimeText | None = None
    planned: bool = False
    note: NoteText | None = None
    similar_ids: bool = False
    odd_ids: bool = False
    dry_run: bool = False


_READ: msgspec.json.Decoder[OrdersRequest] = msgspec.json.Decoder(OrdersRequest)
_PATH = re.compile(r" - at `\$\.?(.*)`$")

CURES: Mapping[str, str] = {
    "packs": 'Move them first, or give "with_packs": true if they go along.',
    "planned": 'If it is planned, give "planned": true.',
    "similar": 'Write it as it is registered, or give "similar_ids": true for another one.',
    "spreadsheet": 'Write it as on its label, or give "odd_ids": true if it is spelled so.',
    "placeholder": 'Leave it out until it is known, or give "odd_ids": true if it is spelled so.',
    "ambiguous": "Say which with kind or into_kind.",
    "taken": "Swap it instead, or remove first what is there.",
    "retired": "Revive it first.",
    "other_details": "Correct it instead.",
    "elsewhere": "Move it, or say since when it is here.",
    "two_docks": 'Give "own_dock": true with the cabinet\'s own number.',
}
"""What to do about an error of the registry, in a request."""


def post_orders() -> Response:
    """Make changes of the registry, and reply after commit."""
    if request.method != "POST":
        raise MethodNotAllowed(["POST"], "Send orders with POST.")
    now = datetime.now(UTC)
    who = changer(now)
    body = whole_body()
    who.spend(len(body))
    with turn(who.account_id, len(body), settings().organisation_requests):
        return _answered(who, _read(body))


def _answered(who: Changer, asked: OrdersRequest) -> Response:
    wanted = OrderRequest(
        asked.key,
        asked.orders,
        OrderDefaults(asked.note, asked.at, asked.planned),
        AcceptedIds(asked.similar_ids, asked.odd_ids),
    )

    def permit(changeset: Changeset, given: Sequence[GivenOrder]) -> None:
        for index, (order, done) in enumerate(zip(asked.orders, given, strict=True)):
            if _is_at_the_top(changeset, order, done) and not who.may_make:
                raise AccessError(
                    f"orders[{index}]: only an admin of the organisation may register a device, "
                    "or a case or cabinet that is installed nowhere. Nothing was done."
                )

    do = try_orders if asked.dry_run else do_orders
    try:
        return reply(200, do(who.account_id, wanted, Author(who.name), permit))
    except AccessError:
        abandon()
        raise
    except OtherRequest as error:
        abandon()
        return reply(409, Error("OTHER_REQUEST", str(error)))
    except OrderRefused as error:
        abandon()
        return reply(422, _refusal(error))


def _is_at_the_top(changeset: Changeset, order: AnyOrder, done: GivenOrder) -> bool:
    """Whether an order makes an asset below no other one, as a form would have to."""
    if isinstance(order, RegisterOrder) and order.kind in LOCATED:
        return True
    added = [changeset.view.entry(number) for number in done.added]
    return any(
        entry.kind in LOCATED or (entry.kind in ASSET_KINDS and not changeset.rows(entry.id))
        for entry in added
    )


def _refusal(error: OrderRefused) -> Error:
    path = f"orders[{error.index}].{error.field}"
    problem = Problem(path, error.cure or "refused", refused_words(error))
    return Error("ORDER_REFUSED", f"{path}: {problem.message} Nothing was done.", [problem])


def refused_words(error: RegistryError) -> str:
    """Return what is wrong, and what to do about it in a request."""
    what = error.what
    said = what.render(PLAIN) if isinstance(what, Message) else str(what)
    return " ".join(filter(None, (said, CURES.get(error.cure))))


def _read(body: bytes) -> OrdersRequest:
    """Read a body.

    :raises UnsupportedBody: if it is said to be something else than JSON.
    :raises UnreadableBody: if it is no JSON.
    :raises MisshapenBody: if it is not a request of orders, saying where.
    """
    if request.mimetype != "application/json" or request.headers.get("Content-Encoding"):
        raise UnsupportedBody(
            "Send orders as JSON, not compressed, with Content-Type: application/json."
        )
    try:
        return _decoded(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableBody(f"The body is not JSON: {error}.") from error


def _decoded(body: bytes) -> OrdersRequest:
    try:
        return _READ.decode(body)
    except msgspec.ValidationError as error:
        raise _misshapen(body, error) from error


def _misshapen(body: bytes, error: msgspec.ValidationError) -> MisshapenBody:
    path, words = _place(error)
    if path.startswith("orders[...]"):
        index, error = _which(body, error)
        inner, words = _place(error)
        path = f"orders[{index}]" + (f".{inner}" if inner else "")
    problem = Problem(path, "misshapen", f"{words}.")
    where = f"{path}: " if path else ""
    return MisshapenBody(f"{where}{words}. Nothing was done.", (problem,))


def _place(error: msgspec.ValidationError) -> tuple[str, str]:
    found = _PATH.search(str(error))
    return (found[1], _PATH.sub("", str(error))) if found else ("", str(error))


def _which(body: bytes, error: msgspec.ValidationError) -> tuple[int, msgspec.ValidationError]:
    """Return which order has an error, and the error with its place in the order."""
    orders = msgspec.json.decode(body, type=dict[str, msgspec.Raw])["orders"]
    for index, one in enumerate(msgspec.json.decode(orders, type=list[msgspec.Raw])):
        try:
            msgspec.json.decode(one, type=_Any)
        except msgspec.ValidationError as its:
            return index, its
    return 0, error
