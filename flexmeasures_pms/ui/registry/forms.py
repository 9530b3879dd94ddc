"""What a form of the registry asks, and what was written into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo, available_timezones

from flask_login import current_user

from flexmeasures_pms import identifiers
from flexmeasures_pms.errors import PmsError, RegistryError
from flexmeasures_pms.registry.editing.changeset import Author
from flexmeasures_pms.registry.editing.orders import Order
from flexmeasures_pms.registry.messages.moments import read_moment
from flexmeasures_pms.ui.language.words import _
from flexmeasures_pms.ui.page.csrf import FIELD as CSRF

REQUEST, SURE, ZONE, NOTE = "request_id", "sure", "zone", "note"
MAX_NOTE = 1000
NO_IDS = frozenset({CSRF, REQUEST, SURE, ZONE, NOTE, "kind", "into_kind", "slot"})
"""The fields whose text no error repeats."""

PLACES = {
    "taken": ("place", "dock", "position"),
    "docks": ("place", "dock"),
}
"""The fields that some errors of the registry are about, by what there is to do."""

LACKING = {
    "which_dock": ("place", "dock"),
    "cabinet_and_dock": ("cabinet", "dock"),
}
"""Of which fields one was left empty, by what there is to do."""


@dataclass(frozen=True, slots=True)
class FormField:
    """One thing that a form asks.

    :param kind: ``text``, ``number``, ``degrees``, ``time``, ``lines`` or ``choice``.
    :param options: what can be chosen, as (value, words); for texts what may be meant.
    :param value: what stands there at first.
    :param group: under which heading it stands; fields of a group are shown when asked for.
    """

    name: str
    label: str
    kind: str = "text"
    hint: str = ""
    required: bool = False
    options: tuple[tuple[str, str], ...] = ()
    value: str = ""
    group: str = ""


class Unusable(PmsError):
    """A field was filled in in a way that nothing can be done with."""

    def __init__(self, field: str, message: str) -> None:
        """Keep which field beside what is wrong with it."""
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as it was sent.

    :param sent: what it carries, by the name of the field.
    :param site: the timezone of the site, for a form that is opened now.
    """

    sent: Mapping[str, str]
    site: str

    @property
    def zone(self) -> str:
        """The timezone in which its times are meant: the one that stood beside them."""
        shown = self.sent.get(ZONE, "")
        return shown if shown in available_timezones() else self.site

    @property
    def sure(self) -> bool:
        """Whether the sender has seen what this would do, this and nothing else, and wants it."""
        return self.sent.get(SURE) == self.fingerprint

    @property
    def fingerprint(self) -> str:
        """What tells these entries from others."""
        said = sorted(
            (name, value) for name, value in self.sent.items() if name not in (CSRF, SURE)
        )
        return sha256(repr(said).encode()).hexdigest()[:32]

    @property
    def request_id(self) -> UUID:
        """The number that this form has got when it was opened."""
        try:
            return UUID(self.sent.get(REQUEST, ""))
        except ValueError:
            return uuid4()

    def text(self, name: str) -> str | None:
        """Return an id or other text, or None where nothing is written."""
        return identifiers.clean(self.sent.get(name, "")) or None

    def required(self, name: str) -> str:
        """Return a text that has to be there.

        :raises Unusable: where it is not.
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

    def degrees(self, name: str) -> float | None:
        """Return a latitude or longitude.

        :raises Unusable: for what is no number.
        """
        text = self.text(name)
        try:
            return None if text is None else float(text.replace(",", "."))
        except ValueError as error:
            message = _("'{text}' is no number of degrees, such as -6.2.", text=text)
            raise Unusable(name, message) from error

    def time(self, name: str) -> datetime | None:
        """Return a time that is written on the site's clock, or with an offset of its own.

        :raises Unusable: for what is no time, or none or two on that clock.
        """
        text = self.text(name)
        if text is None:
            return None
        try:
            local = datetime.fromisoformat(text)
            if local.utcoffset() is not None:
                return read_moment(text)
        except (ValueError, OverflowError, RegistryError) as error:
            message = _("'{text}' is not a time such as 2026-03-01 12:00.", text=text)
            raise Unusable(name, message) from error
        return _on_clock(name, local, self.zone)

    def note(self) -> str | None:
        """Return why, or what was done."""
        text = self.sent.get(NOTE, "").strip()
        if len(text) > MAX_NOTE:
            raise Unusable(NOTE, _("Write no more than {n} characters.", n=MAX_NOTE))
        return text or None

    def reason(self, message: str) -> None:
        """Make sure that the note is there.

        :param message: what to say where it is not.
        """
        if self.note() is None:
            raise Unusable(NOTE, message)

    def order(self, account_id: int, *, at: str | None = "at") -> Order:
        """Return who orders what the form says, and since when.

        :param at: the field with the time, None for orders that have none.
        """
        author = Author(f"user:{current_user.id}", self.note(), self.request_id)
        return Order(author, self.time(at) if at else None, account_id)


def _on_clock(name: str, local: datetime, zone: str) -> datetime:
    aware = local.replace(tzinfo=ZoneInfo(zone))
    try:
        moment = aware.astimezone(UTC)
        once = moment == aware.replace(fold=1).astimezone(UTC)
    except OverflowError as error:
        raise Unusable(name, _("There is no such time.")) from error
    if not once:
        message = _("The clock of {zone} is changed just then: take another time.", zone=zone)
        raise Unusable(name, message)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def field_of(error: Exception, sent: Mapping[str, str], main: str) -> str:
    """Return the field that an error is about: whose text it repeats, else the main one."""
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
