"""What a change of the registry is: who makes it, what is recorded of it, what it has done."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from msgspec import Struct

from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing.event import NO_EVENT, BusinessEvent
from flexmeasures_pms.registry.messages.message import Message

OrderAsked = dict[str, Any]
"""What an order said, as its transaction keeps it."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who makes a change, and why.

    :param request_id: groups all transactions of one command, file or request.
    :param event: what the business event carries that the change records.
    """

    name: str
    note: str | None = None
    request_id: UUID = field(default_factory=uuid4)
    event: BusinessEvent = NO_EVENT


@dataclass(frozen=True, slots=True)
class Change:
    """What a change has done.

    :param touched: trackables whose registration or place changed.
    :param boards: acquisition boards whose case changed over some time.
    :param lines: messages for people; there is one even when nothing changed.
    :param added: what was newly registered, by kind and id; aliases too.
    :param unchanged: trackables that were as the change says already.
    :param leaving: what leaves its place although nobody named it; a form asks about it.
    """

    account_id: int
    touched: tuple[int, ...] = ()
    boards: tuple[int, ...] = ()
    lines: tuple[Message, ...] = ()
    added: tuple[tuple[str, str], ...] = ()
    unchanged: tuple[int, ...] = ()
    leaving: tuple[Message, ...] = ()


class NewTransaction(Struct, frozen=True, gc=False):
    """One transaction to be written."""

    author: str
    verb: str
    entry: Entry
    effective_at: datetime
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    note: str | None
    event: BusinessEvent
