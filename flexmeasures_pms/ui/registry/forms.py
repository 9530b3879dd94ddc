"""Forms of the registry: their fields, and what was filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo, available_timezones

from flask_login import current_user

from flexmeasures_pms import identifiers
from flexmeasures_pms.errors import PmsError, RegistryError
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.editing.event import CAUSES, BusinessEvent, checked, measurements
from flexmeasures_pms.registry.editing.order import Order
from flexmeasures_pms.registry.messages.moments import (
    EVENTS,
    PLANNED,
    SHOWN,
    accepted,
    read_moment,
)
from flexmeasures_pms.ui.language.words import _
from flexmeasures_pms.ui.page.csrf import FIELD as CSRF
from flexmeasures_pms.ui.registry.message import wrong

REQUEST, SURE, ZONE, NOTE, PLAN = "request_id", "sure", "zone", "note", "planned"
REFRESH = "refresh"
"""What a form sends that only wants to be shown again, with what follows from its choices."""

OWN_DOCK, DOCKS_OF = "own_dock", "docks_of"
"""The field for a dock that is chosen from a list, as its cabinet counts, and the cabinet whose
docks are in the list."""

MAX_NOTE = 1000
EVENT = ("cause", "code", "person", "document", "findings", "measured")
"""The fields of a business event."""

NO_IDS = frozenset(
    {
        CSRF,
        REQUEST,
        SURE,
        ZONE,
        NOTE,
        PLAN,
        "kind",
        "into_kind",
        "slot",
        DOCKS_OF,
        *EVENT,
        "address",
        "contact",
    }
)
"""The fields whose text no error contains."""

PLACES = {
    "taken": ("place", "dock", "own_dock", "position"),
    "docks": ("place", "dock", "own_dock"),
    "no_dock": ("place", "dock", "own_dock"),
    "two_docks": ("place", "dock"),
    **{f"event_{name}": (name,) for name in EVENT},
}
"""The fields of some errors of the registry, by their cure."""

LACKING = {
    "which_dock": ("place", "dock", "own_dock"),
    "cabinet_and_dock": ("cabinet", "dock", "own_dock"),
}
"""Groups of fields of which one was left empty, by the error's cure."""


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a form.

    :param kind: ``text``, ``number``, ``degrees``, ``time``, ``choice``, ``buttons`` of which one
        is chosen, ``words`` for people, ``lines`` or ``hidden``.
    :param options: what can be chosen, as (value, text); for texts suggestions.
    :param value: initial value.
    :param group: its heading; the fields of a group are collapsed.
    :param decides: other fields follow from its choice.
    :param follows: it follows from such a choice.
    :param kept: what was sent is shown again.
    """

    name: str
    label: str
    kind: str = "text"
    hint: str = ""
    required: bool = False
    options: tuple[tuple[str, str], ...] = ()
    value: str = ""
    group: str = ""
    decides: bool = False
    follows: bool = False
    kept: bool = True


class Unusable(PmsError):
    """A field has an invalid value."""

    def __init__(self, field: str, message: str) -> None:
        """Keep the field with the message."""
        super().__init__(message)
        self.field = field


@cache
def timezones() -> tuple[str, ...]:
    """Return the names of all timezones, in order: once, for it looks through many folders."""
    return tuple(sorted(available_timezones()))


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as it was sent.

    :param sent: its values, by the name of the field.
    :param site: the timezone of the site, for a new form.
    """

    sent: Mapping[str, str]
    site: str

    @property
    def zone(self) -> str:
        """The timezone of its times: the one that was shown with them."""
        shown = self.sent.get(ZONE, "")
        return shown if shown in timezones() else self.site

    @property
    def sure(self) -> bool:
        """Whether the user has confirmed exactly this."""
        return self.sent.get(SURE) == self.fingerprint

    @property
    def fingerprint(self) -> str:
        """A fingerprint of these entries."""
        said = sorted(
            (name, value) for name, value in self.sent.items() if name not in (CSRF, SURE)
        )
        return sha256(repr(said).encode()).hexdigest()[:32]

    @property
    def request_id(self) -> UUID:
        """The id that this form got when it was opened."""
        try:
            return UUID(self.sent.get(REQUEST, ""))
        except ValueError:
            return uuid4()

    def text(self, name: str) -> str | None:
        """Return an id or other text, or None if it is empty."""
        return identifiers.clean(self.sent.get(name, "")) or None

    def required(self, name: str) -> str:
        """Return a required text.

        :raises Unusable: if it is missing.
        """
        text = self.text(name)
        if text is None:
            raise Unusable(name, _("Fill this in."))
        return text

    def number(self, name: str) -> int | None:
        """Return a whole number.

        :raises Unusable: for anything else.
        """
        text = self.text(name)
        if text is None:
            return None
        if text.isascii() and text.isdigit() and len(text) < 10:
            return int(text)
        raise Unusable(name, _("'{text}' is not a whole number.", text=text))

    def typed(self, name: str) -> bool:
        """Whether a dock was typed, where the form that was sent had no list of docks."""
        asked_anew = REQUEST not in self.sent or REFRESH in self.sent
        return not asked_anew and OWN_DOCK not in self.sent and self.text(name) is not None

    def own_dock(self, cabinet: str) -> int | None:
        """Return the dock that was chosen from the list of a cabinet; none of that of another.

        :raises Unusable: if it is not a number.
        """
        shown = self.text(DOCKS_OF) or cabinet
        return self.number(OWN_DOCK) if identifiers.key(shown) == identifiers.key(cabinet) else None

    def degrees(self, name: str) -> float | None:
        """Return a latitude or longitude.

        :raises Unusable: if it is not a number.
        """
        text = self.text(name)
        try:
            return None if text is None else float(text.replace(",", "."))
        except ValueError as error:
            message = _("'{text}' is no number of degrees, such as -6.2.", text=text)
            raise Unusable(name, message) from error

    def time(self, name: str) -> datetime | None:
        """Return the time of a change, in the site's time zone or with its own offset.

        :raises Unusable: if it is not a time, does not exist or is ambiguous there, or is in
            the future and not said to be planned.
        """
        text = self.text(name)
        if text is None:
            return None
        try:
            local = datetime.fromisoformat(text)
            at = read_moment(text) if local.utcoffset() is not None else None
        except (ValueError, OverflowError, RegistryError) as error:
            message = _("'{text}' is not a time such as 2026-03-01 12:00.", text=text[:SHOWN])
            raise Unusable(name, message) from error
        return self._accepted(name, at or _on_clock(name, local, self.zone))

    def _accepted(self, name: str, at: datetime) -> datetime:
        try:
            return accepted(at, PLANNED if self.sent.get(PLAN) else EVENTS)
        except RegistryError as error:
            cure = _("If it is planned, tick that.") if error.cure == "planned" else ""
            raise Unusable(name, f"{wrong(error, self.zone)} {cure}".strip()) from error

    def note(self) -> str | None:
        """Return the note."""
        text = self.sent.get(NOTE, "").strip()
        if len(text) > MAX_NOTE:
            raise Unusable(NOTE, _("Write no more than {n} characters.", n=MAX_NOTE))
        return text or None

    def reason(self, message: str) -> None:
        """Check that the note is filled in.

        :param message: the error message if it is not.
        """
        if self.note() is None:
            raise Unusable(NOTE, message)

    def lines(self, name: str) -> tuple[str, ...]:
        """Return the lines of a text that have anything in them."""
        lines = self.sent.get(name, "").splitlines()
        return tuple(line.strip() for line in lines if line.strip())

    def event(self) -> BusinessEvent:
        """Return what the business event carries.

        :raises RegistryError: if it can't be so.
        """
        cause = next((cause for cause in CAUSES if cause == self.sent.get("cause")), None)
        code, person, document = (self.sent.get(name) for name in EVENT[1:4])
        found, measured = self.lines("findings"), measurements(self.lines("measured"))
        return checked(BusinessEvent(cause, code, person, document, found, measured))

    def order(self, account_id: int, *, at: str | None = "at") -> Order:
        """Return the order of the form: author, start time and organisation.

        :param at: the field with the time; None for orders without a time.
        """
        author = Author(f"user:{current_user.id}", self.note(), self.request_id, self.event())
        return Order(author, self.time(at) if at else None, account_id)


def _on_clock(name: str, local: datetime, zone: str) -> datetime:
    aware = local.replace(tzinfo=ZoneInfo(zone))
    try:
        moment = aware.astimezone(UTC)
        once = moment == aware.replace(fold=1).astimezone(UTC)
    except OverflowError as error:
        raise Unusable(name, _("There is no such time.")) from error
    if not once:
        message = _("The clock of {zone} changes at that moment: choose another time.", zone=zone)
        raise Unusable(name, message)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def field_of(error: Exception, sent: Mapping[str, str], main: str) -> str:
    """Return the field of an error: the one whose text it contains, else the main one."""
    if isinstance(error, Unusable):
        return error.field
    cure = error.cure if isinstance(error, RegistryError) else ""
    if at := next((name for name in PLACES.get(cure, ()) if sent.get(name)), None):
        return at
    if at := next((n for n in LACKING.get(cure, ()) if n in sent and not sent[n]), None):
        return at
    message = str(error).upper()
    told = [
        (len(text), name)
        for name, value in sent.items()
        if name not in NO_IDS and len(text := identifiers.key(value)) > 1 and text in message
    ]
    return max(told)[1] if told else main
