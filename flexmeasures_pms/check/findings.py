"""What was found of one thing that the plugin needs."""

from __future__ import annotations

from typing import Literal, NamedTuple

FindingState = Literal["ok", "note", "fix"]


class CheckResult(NamedTuple):
    """One line of the check.

    :param state: ``fix`` is for what has to be done, before the first start or now, a ``note``
        is not.
    :param about: what was looked at.
    :param message: what was found, and a command or setting that puts it right.
    """

    state: FindingState
    about: str
    message: str


def one_line(error: BaseException) -> str:
    """Return what an error says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__
