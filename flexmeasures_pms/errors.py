"""The errors of the plugin.

::

    PmsError
    ├── ConfigError             a setting has an unusable value
    ├── NotInstalled            a package that is not needed otherwise
    ├── SchemaError             the plugin's tables are missing or behind the code
    ├── WireError               a request body that can't be read as a whole
    │   ├── UnreadableBody          not JSON, not CSV, not gzip (400)
    │   ├── UnsupportedBody         another content type or encoding (415)
    │   ├── MisshapenBody           without the shape of ``datasets`` (422)
    │   └── BodyTooLarge            beyond a limit (413)
    ├── RegistryError           a registration or change that can't be made
    │   ├── UnknownId               names nothing in the organisation
    │   ├── AmbiguousId             names more than one thing
    │   ├── RegistryConflict        contradicts what is registered
    │   ├── OrderRefused            one of several orders can't be made, so that none is
    │   └── OtherRequest            a request has the key of another one
    ├── AccessError             not allowed with these credentials (403)
    │   └── OutOfScope              names a device that the gateway's key is not for
    ├── TooMany                 beyond a gateway's or user's rate (429)
    ├── StorageBusy             can't be stored now: send it again later (503)
    │   ├── RegistryBusy            because the registry kept changing
    │   └── StillFolded             because it is late for many days
    ├── MaintenanceError        a step of maintenance can't go on; nothing was lost
    ├── NotHeld                 another worker processes a request of the journal
    └── QueueAway               Redis can't be reached to wake workers

Each message says what was wrong, where, and what to do.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "AccessError",
    "AmbiguousId",
    "BodyTooLarge",
    "ConfigError",
    "MaintenanceError",
    "MisshapenBody",
    "NotHeld",
    "NotInstalled",
    "OrderRefused",
    "OtherRequest",
    "OutOfScope",
    "PmsError",
    "Problem",
    "QueueAway",
    "RegistryBusy",
    "RegistryConflict",
    "RegistryError",
    "SchemaError",
    "StillFolded",
    "StorageBusy",
    "TooMany",
    "UnknownId",
    "UnreadableBody",
    "UnsupportedBody",
    "WireError",
]


class PmsError(Exception):
    """Base of all errors that the plugin raises."""


class ConfigError(PmsError):
    """A setting has an unusable value."""


class NotInstalled(PmsError):
    """A package that is not needed otherwise."""


class SchemaError(PmsError):
    """The plugin's tables are missing or behind the code."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An error in one place of a payload.

    :param path: where, such as ``datasets[1].data[2].pack.id``.
    :param code: a stable code for programs, such as ``unknown_pack``.
    :param message: what is wrong and what to do, for people.
    :param value: the offending text, cut short.
    """

    path: str
    code: str
    message: str
    value: str = ""


class WireError(PmsError):
    """A request body that can't be read as a whole: nothing of it was stored.

    :param size: of the body after decompression, if it came to that [bytes].
    """

    size: int = 0

    def __init__(self, message: str, problems: tuple[Problem, ...] = ()) -> None:
        """Keep the problems with the message."""
        super().__init__(message)
        self.problems = problems


class UnreadableBody(WireError):
    """The body is not JSON, CSV or gzip."""


class UnsupportedBody(WireError):
    """The body's content type or encoding is not one the plugin reads."""


class MisshapenBody(WireError):
    """The body lacks the shape of ``datasets``."""


class BodyTooLarge(WireError):
    """The body exceeds one of the configured limits."""


class RegistryError(PmsError):
    """A registration or change that can't be made.

    ``account_id`` is the organisation whose registry was to be changed, once that is known.

    :param what: what is wrong: a text, or a message in several languages.
    :param command: what to do on the command line; it ends the message.
    :param cure: the same as a stable code, for other interfaces.
    """

    def __init__(self, what: object, *, command: str = "", cure: str = "") -> None:
        """Keep what is wrong separate from what to do."""
        super().__init__(advised(str(what), command))
        self.what = what
        self.command = command
        self.cure = cure
        self.account_id: int | None = None


def advised(what: str, command: str) -> str:
    """Return what is wrong followed by what to do, if anything helps."""
    if not command:
        return what
    if what.endswith("?"):
        return f"{what} {command[:1].upper()}{command[1:]}."
    return f"{what.removesuffix('.')}: {command}."


class UnknownId(RegistryError):
    """An id names nothing in the organisation."""


class AmbiguousId(RegistryError):
    """An id names more than one thing: say which kind is meant."""


class RegistryConflict(RegistryError):
    """A change contradicts what is registered."""


class OrderRefused(RegistryError):
    """One of several orders can't be made: none of them was.

    :param error: why.
    :param index: which it is, from 0 on.
    :param field: what of it the error is about.
    """

    def __init__(self, error: RegistryError, index: int, field: str) -> None:
        """Keep where it is with what is wrong."""
        super().__init__(error.what, command=error.command, cure=error.cure)
        self.index = index
        self.field = field


class OtherRequest(RegistryError):
    """A request of orders has the key that another one had: nothing was done."""


class AccessError(PmsError):
    """The credentials do not allow this."""


class OutOfScope(AccessError):
    """A request names a device that the gateway's key is not for: nothing was stored."""

    def __init__(self, message: str, problems: tuple[Problem, ...] = ()) -> None:
        """Keep the problems with the message."""
        super().__init__(message)
        self.problems = problems


class TooMany(PmsError):
    """More requests or samples than the sender may send in a minute: nothing was stored.

    :param seconds: after which it may be sent again.
    """

    def __init__(self, message: str, seconds: int) -> None:
        """Keep the time with the message."""
        super().__init__(message)
        self.seconds = seconds


class StorageBusy(PmsError):
    """The request can't be stored now: nothing was stored, and it may be sent again."""


class RegistryBusy(StorageBusy):
    """The registry changed each time that the request was tried: nothing was stored."""


class StillFolded(StorageBusy):
    """The request is late for folded days, and some are ready now: nothing of it was stored."""


class MaintenanceError(PmsError):
    """A step of maintenance can't go on: nothing was lost."""


class NotHeld(PmsError):
    """Another worker processes a request of the journal, or one of its lanes."""


class QueueAway(PmsError):
    """Redis can't be reached. Requests in the journal are safe, and wait."""
