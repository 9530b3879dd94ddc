"""What may be said of products, parties and batches, and of where a trackable comes from."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from urllib.parse import urlsplit

from flexmeasures_pms import identifiers
from flexmeasures_pms.errors import RegistryConflict, RegistryError
from flexmeasures_pms.registry.kinds import KINDS
from flexmeasures_pms.registry.master.records import Parameters
from flexmeasures_pms.registry.master_tables import PARTY_ROLES
from flexmeasures_pms.registry.messages.message import KindText, message, message_form

MAX_NAME = identifiers.MAX_LENGTH
MAX_TEXT = 400
MAX_PARAMETERS = 50
MAX_PARAMETER = 80

FIRST_DAY = date(1990, 1, 1)
LAST_DAY = date(2100, 12, 31)

WORDS: Mapping[str, str] = {
    "name": message_form("name"),
    "roles": message_form("roles"),
    "contact": message_form("contact"),
    "email": message_form("e-mail"),
    "phone": message_form("phone"),
    "address": message_form("address"),
    "note": message_form("remark"),
    "vendor": message_form("vendor"),
    "model": message_form("model"),
    "revision": message_form("revision"),
    "datasheet": message_form("datasheet"),
    "parameters": message_form("parameters"),
    "product": message_form("product"),
    "lot": message_form("lot"),
    "batch": message_form("batch"),
    "serial": message_form("serial number"),
    "made_on": message_form("made"),
    "supplier": message_form("supplier"),
    "purchase": message_form("purchase order"),
    "purchased_on": message_form("purchased"),
    "warranty_until": message_form("warranty until"),
}
"""The fields of all records, as written in sentences."""

_CODE = re.compile(r"[+-]?0\d|(\D*\d){16}")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


def name(field: str, text: str) -> str:
    """Return a name or number without surrounding and repeated spaces.

    :raises RegistryError: if it is empty, too long, or has control characters.
    """
    return _bounded(field, text, MAX_NAME)


def line(field: str, text: str) -> str:
    """Return a text of one line.

    :raises RegistryError: if it is empty, too long, or has control characters.
    """
    return _bounded(field, text, MAX_TEXT)


def _bounded(field: str, text: str, most: int) -> str:
    cleaned = " ".join(identifiers.clean(text).split(" ")).strip()
    cleaned = re.sub(" {2,}", " ", cleaned)
    word = KindText(WORDS[field])
    if not cleaned:
        raise RegistryError(message("The {field} is empty.", field=word))
    if len(cleaned) > most:
        raise RegistryError(
            message("The {field} is longer than {n} characters.", field=word, n=most)
        )
    if identifiers.fault(cleaned[: identifiers.MAX_LENGTH]) or not _is_plain(cleaned):
        raise RegistryError(message("The {field} has control characters.", field=word))
    return cleaned


def _is_plain(text: str) -> bool:
    return identifiers.control_character(text) is None


def kind(text: str) -> str:
    """Return the kind of trackable that a product is.

    :raises RegistryError: if there is no such kind.
    """
    if text not in KINDS:
        raise RegistryError(
            message("'{text}' is not a kind: use one of {kinds}.", text=text[:MAX_NAME],
                    kinds=", ".join(KINDS))
        )  # fmt: skip
    return text


def roles(given: Iterable[str]) -> tuple[str, ...]:
    """Return roles of a party, each once.

    :raises RegistryError: if one is unknown.
    """
    wanted = {" ".join(role.lower().split()) for role in given}
    unknown = sorted(wanted.difference(PARTY_ROLES))
    if unknown:
        form = message_form("'{text}' is no role of a party: use some of {roles}.")
        raise RegistryError(message(form, text=unknown[0][:MAX_NAME], roles=", ".join(PARTY_ROLES)))
    return tuple(role for role in PARTY_ROLES if role in wanted)


def email(text: str) -> str:
    """Return an address for e-mail.

    :raises RegistryError: if it can't be one.
    """
    cleaned = line("email", text)
    if not _EMAIL.fullmatch(cleaned):
        raise RegistryError(message("'{text}' is not an e-mail address.", text=cleaned[:MAX_NAME]))
    return cleaned


def datasheet(text: str) -> str:
    """Return the address of a datasheet.

    :raises RegistryError: if it is not one of the web.
    """
    cleaned = line("datasheet", text)
    try:
        parts = urlsplit(cleaned)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in cleaned
    except ValueError:
        valid = False
    if not valid:
        form = message_form(
            "'{text}' is not an address of the web: it begins with https:// or http://."
        )
        raise RegistryError(message(form, text=cleaned[:MAX_NAME]))
    return cleaned


def parameters(given: Mapping[str, object]) -> Parameters:
    """Return parameters by their names; a text that is a number becomes one.

    :raises RegistryError: for a name or value that can't be one.
    """
    return {_parameter_name(name): parameter(name, value) for name, value in given.items()}


def _parameter_name(text: str) -> str:
    if not _PARAMETER.fullmatch(text) or text in WORDS or text in ("id", "kind"):
        form = message_form(
            "'{text}' can't be the name of a parameter: use letters, digits and _, with the unit "
            "at the end, such as rated_capacity_Ah."
        )
        raise RegistryError(message(form, text=text[:MAX_NAME]))
    return text


def parameter(of_name: str, value: object) -> float | int | str:
    """Return the value of a parameter.

    :raises RegistryError: if it is neither a number nor a short text.
    """
    if isinstance(value, str):
        text = " ".join(identifiers.clean(value).split())
        # What has a leading zero, or more digits than a number keeps, is a code.
        if not _NUMBER.fullmatch(text) or _CODE.match(text):
            if text and len(text) <= MAX_PARAMETER and _is_plain(text):
                return text
            raise _no_value(of_name)
        value = float(text)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _no_value(of_name)
    whole = float(value).is_integer() and abs(value) < 2**53
    return int(value) if whole else float(value)


def _no_value(of_name: str) -> RegistryError:
    form = message_form(
        "Parameter {name} is neither a number nor a text of at most {n} characters."
    )
    return RegistryError(message(form, name=of_name[:MAX_NAME], n=MAX_PARAMETER))


def check_number(of: Collection[str]) -> None:
    """Refuse too many parameters.

    :raises RegistryError: if there are more than a product may have.
    """
    if len(of) > MAX_PARAMETERS:
        form = message_form("A product has at most {most} parameters, not {n}.")
        raise RegistryError(message(form, most=MAX_PARAMETERS, n=len(of)))


def read_day(text: str) -> date:
    """Read a day such as ``2024-05-31``.

    :raises RegistryError: if it is none.
    """
    try:
        if len(text) == len("2024-05-31"):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise RegistryError(message("'{text}' is not a day such as 2024-05-31.", text=text[:40]))


def day(field: str, given: date) -> date:
    """Return a day that may have been, or up to which a warranty may last.

    :raises RegistryError: if it is too early or too late.
    """
    # Where the day is that begins first on earth, it is tomorrow.
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    last = LAST_DAY if field == "warranty_until" else tomorrow
    if not FIRST_DAY <= given <= last:
        form = message_form("'{field} {day}' can't be: use a day from {first} until {last}.")
        field_text = KindText(WORDS[field])
        raise RegistryError(
            message(form, field=field_text, day=str(given), first=str(FIRST_DAY), last=str(last))
        )
    return given


def check_order(made: date | None, purchased: date | None, warranty: date | None) -> None:
    """Refuse days that are not in the order made, purchased, warranty.

    :raises RegistryConflict: if one is before another that it follows.
    """
    known = [
        (field, given)
        for field, given in (
            ("made_on", made),
            ("purchased_on", purchased),
            ("warranty_until", warranty),
        )
        if given is not None
    ]
    for (first, earlier), (second, later) in pairwise(known):
        if earlier > later:
            raise RegistryConflict(
                message(
                    "The days contradict: {first} {earlier}, {second} {later}.",
                    first=KindText(WORDS[first]),
                    earlier=str(earlier),
                    second=KindText(WORDS[second]),
                    later=str(later),
                )
            )
