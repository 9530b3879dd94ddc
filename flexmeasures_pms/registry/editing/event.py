"""What a business event carries: why something was done, by whom, and what was found.

What is not given is not known. An event is written with each transaction of its change.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Literal, get_args

from msgspec import Struct, field

from flexmeasures_pms import identifiers
from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry.messages.message import KindText, message, message_form

Cause = Literal["planned", "fault", "recall", "upgrade"]
CAUSES: tuple[Cause, ...] = get_args(Cause)

MAX_CODE = 64
MAX_PERSON = 200
MAX_DOCUMENT = 200
MAX_FINDINGS = 20
MAX_FINDING = 1000
MAX_MEASUREMENTS = 50
MAX_MEASURED_NAME = 100
MAX_MEASURED_TEXT = 200

# Whole numbers below this are exact as any program reads them.
_EXACT = 2**53

CODE_OF_WHAT = message_form("A code belongs to a fault: give the cause fault with it.")

Measured = float | int | str
"""A measurement: a number, its unit in its name, or a short text."""


class BusinessEvent(Struct, frozen=True):
    """What is known of a business event besides what it changed.

    :param code: of a fault.
    :param person: who did it, where that is not who enters it.
    :param document: the sender's own number of a document, such as a work order.
    :param findings: what was found, one text each.
    :param measured: measurements by name, with the unit in the name.
    """

    cause: Cause | None = None
    code: str | None = None
    person: str | None = None
    document: str | None = None
    findings: tuple[str, ...] = ()
    measured: Mapping[str, Measured] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def details(self) -> dict[str, Any] | None:
        """Findings and measurements as the transaction keeps them."""
        kept = {"findings": list(self.findings), "measured": dict(self.measured)}
        return {name: value for name, value in kept.items() if value} or None

    @property
    def columns(self) -> tuple[object, ...]:
        """As the columns of a transaction, from ``cause`` on."""
        return self.cause, self.code, self.person, self.document, self.details


NO_EVENT = BusinessEvent()


def checked(event: BusinessEvent) -> BusinessEvent:
    """Return an event with its texts cleaned; empty ones are not known.

    :raises RegistryError: if the code is of no fault, or a text is too long or has control
        characters, or there are too many. Its cure is ``event_`` and the field.
    """
    cleaned = BusinessEvent(
        event.cause,
        _text("code", event.code, MAX_CODE),
        _text("person", event.person, MAX_PERSON),
        _text("document", event.document, MAX_DOCUMENT),
        _findings(event.findings),
        _measurements(event.measured),
    )
    if cleaned.code is not None and cleaned.cause != "fault":
        raise _wrong("code", CODE_OF_WHAT)
    return cleaned


def measurement(text: str) -> tuple[str, Measured]:
    """Return a measurement that was written as ``name=value``.

    :raises RegistryError: if it has no name or no value.
    """
    name, _equals, value = (part.strip() for part in text.partition("="))
    if not name or not value:
        said = message("'{text}' is not written as name=value.", text=text[:MAX_MEASURED_NAME])
        raise RegistryError(said, cure="event_measured")
    return name, _number(value)


def measurements(texts: Iterable[str]) -> dict[str, Measured]:
    """Return measurements that were written as ``name=value``.

    :raises RegistryError: if one is written otherwise, or two have one name.
    """
    found: dict[str, Measured] = {}
    for name, value in map(measurement, texts):
        if name in found:
            said = message("'{name}' was measured twice: give each its own name.", name=name)
            raise RegistryError(said, cure="event_measured")
        found[name] = value
    return found


def _number(text: str) -> Measured:
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        return text
    whole = number.is_integer() and abs(number) < _EXACT and "." not in text
    return int(number) if whole else number


def _findings(texts: Iterable[str]) -> tuple[str, ...]:
    cleaned = (_text("findings", text, MAX_FINDING) for text in texts)
    found = tuple(text for text in cleaned if text)
    if len(found) > MAX_FINDINGS:
        raise _too_many("findings", MAX_FINDINGS)
    return found


def _measurements(measured: Mapping[str, Measured]) -> dict[str, Measured]:
    if len(measured) > MAX_MEASUREMENTS:
        raise _too_many("measured", MAX_MEASUREMENTS)
    return {_measured_name(name): _measured_value(value) for name, value in measured.items()}


def _measured_name(text: str) -> str:
    name = _text("measured", text, MAX_MEASURED_NAME)
    if name is None:
        raise _wrong("measured", message_form("A name is missing: {name}."))
    return name


def _measured_value(value: Measured) -> Measured:
    if isinstance(value, str):
        value = _text("measured", value, MAX_MEASURED_TEXT) or math.nan
    if isinstance(value, float) and not math.isfinite(value):
        raise _wrong("measured", message_form("A value is missing: {name}."))
    return value


def _text(name: str, text: str | None, longest: int) -> str | None:
    cleaned = identifiers.clean(text or "")
    if len(cleaned) > longest:
        raise _wrong(name, message_form("This is longer than {n} characters: {name}."), longest)
    line = cleaned.replace("\n", "").replace("\t", "") if name == "findings" else cleaned
    if identifiers.control_character(line):
        raise _wrong(name, message_form("This has control characters: {name}."))
    return cleaned or None


def _wrong(name: str, form: str, number: int = 0) -> RegistryError:
    return RegistryError(message(form, name=KindText(_WORDS[name]), n=number), cure=f"event_{name}")


def _too_many(name: str, most: int) -> RegistryError:
    return _wrong(name, message_form("There are more than {n}: {name}."), most)


_WORDS = {
    "code": message_form("code of a fault"),
    "person": message_form("who did it"),
    "document": message_form("document"),
    "findings": message_form("findings"),
    "measured": message_form("measurements"),
}
"""The fields of an event, as written in sentences."""
