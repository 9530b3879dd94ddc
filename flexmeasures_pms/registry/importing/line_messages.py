"""What is said of a line of a registry file: little, however many things it has."""

from __future__ import annotations

from collections.abc import Sequence

from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing import moves, registration
from flexmeasures_pms.registry.kinds import CASE
from flexmeasures_pms.registry.messages.message import (
    CountText,
    Message,
    message,
)


def sum_up(added: Sequence[Message]) -> list[Message]:
    """Return one message for a new case and its parts, and what else had to change."""
    first, *others = (line for line in added if line.form == registration.REGISTERED)
    new = [line.values["what"] for line in (first, *others)]
    if others:
        more = CountText(len(others), "other thing")
        first = message(registration.REGISTERED_WITH, what=first.values["what"], things=more)
    told = (line for line in added if _is_move(line))
    shown = (
        line for line in told if line.form != registration.ADDED or line.values["what"] not in new
    )
    return [first, *together(list(shown))]


def together(added: Sequence[Message]) -> list[Message]:
    """Return messages with one for all things of a line that get the same details."""
    alike: dict[str, list[Message]] = {}
    for line in added:
        if line.form == registration.ADDED:
            alike.setdefault(str(line.values["details"]), []).append(line)
    shown: list[Message] = []
    for line in added:
        same = alike.get(str(line.values.get("details")), [])
        if line.form != registration.ADDED or len(same) == 1:
            shown.append(line)
        elif line is same[0]:
            more = CountText(len(same) - 1, "other thing")
            what, details = line.values["what"], line.values["details"]
            shown.append(
                message(registration.ADDED_TO_SEVERAL, what=what, things=more, details=details)
            )
    return shown


def _is_move(line: Message) -> bool:
    what = line.values.get("what")
    docked = line.form == moves.INSTALLED and isinstance(what, Entry) and what.kind == CASE
    return docked or line.form not in (
        registration.REGISTERED, moves.INSTALLED, registration.ALSO_KNOWN,
    )  # fmt: skip
