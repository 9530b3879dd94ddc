"""Messages of changes that are only tried: what would be done, not what was done."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from flexmeasures_pms.registry.editing import moves, registration, rehoming, service
from flexmeasures_pms.registry.messages.message import Message, message_form

WOULD_BE: Mapping[str, str] = {
    registration.REGISTERED: message_form("Would register {what}."),
    registration.REGISTERED_WITH: message_form("Would register {what} and {things} with it."),
    registration.ALSO_KNOWN: message_form("{what} would also be known as {alias}."),
    registration.ADDED: message_form("Would add to {what}: {details}."),
    registration.ADDED_TO_SEVERAL: message_form("Would add to {what} and {things}: {details}."),
    moves.INSTALLED: message_form("Would install {what} in {place}, {period}."),
    moves.MOVED: message_form("Would move {what} to {place}, from {left}, {period}."),
    moves.SWAPPED: message_form("Would swap {old} for {new} in {place}, {period}."),
    moves.SWAPPED_FROM: message_form(
        "Would swap {old} for {new} in {place}, {period}; {new} is in {left}."
    ),
    moves.REMOVED: message_form("Would remove {what} from {left}, {since}."),
    service.RETIRED: message_form("Would retire {what}, {since}."),
    rehoming.TAKEN_OVER: message_form("So {what} would be in {place}."),
}
"""The form of each message of a change, and its form for a change that is not made."""


def would_be(said: Message) -> Message:
    """Return the message of a change that is not made, also one inside another message."""
    values = {
        name: would_be(value) if isinstance(value, Message) else value
        for name, value in said.values.items()
    }
    return replace(said, form=WOULD_BE.get(said.form, said.form), values=values)
