"""Recorded changes of a thing as text: one event for each command, form or report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db
from flexmeasures.data.models.user import User

from flexmeasures_pms.registry.kinds import slot_for
from flexmeasures_pms.ui.language import figures
from flexmeasures_pms.ui.language.words import _
from flexmeasures_pms.ui.registry.terms import in_slot, kind_name, title

TransactionRecord = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """Changes that were recorded together.

    :param since: when it starts; None if unknown or not applicable.
    """

    recorded_at: datetime
    since: datetime | None
    who: str
    why: str
    sentences: tuple[str, ...]


def events_of(transactions: Sequence[TransactionRecord], zone: str) -> tuple[Event, ...]:
    """Return transactions, in the order of recording, as events with the newest first."""
    authors = _people({item["author"] for item in transactions})
    groups = groupby(transactions, key=lambda t: (t["request_id"], t["author"], t["recorded_at"]))
    return tuple(_event(list(group), authors, zone) for _key, group in groups)[::-1]


def _event(items: list[TransactionRecord], people: Mapping[str, str], zone: str) -> Event:
    first = items[0]
    times = {item["effective_at"] for item in items if item["effective_at"]}
    return Event(
        recorded_at=datetime.fromisoformat(first["recorded_at"]),
        since=datetime.fromisoformat(min(times)) if times else None,
        who=_author(first["author"], people),
        why="; ".join(dict.fromkeys(item["note"] for item in items if item["note"])),
        sentences=tuple(dict.fromkeys(sentence(item, zone) for item in items)),
    )


def _people(authors: set[str]) -> dict[str, str]:
    """Return the names of the users among some authors."""
    ids = [
        int(text)
        for kind, _sep, text in (a.partition(":") for a in authors)
        if kind == "user" and text.isascii() and text.isdigit()
    ]
    if not ids:
        return {}
    query = sa.select(User.id, User.username).where(User.id.in_(ids))
    return {f"user:{number}": name for number, name in db.session.execute(query)}


def _author(author: str, people: Mapping[str, str]) -> str:
    kind, _sep, name = author.partition(":")
    if author in people:
        return people[author]
    if kind == "cli":
        return _("{name}, at the command line", name=name)
    if kind == "device":
        return _("PMS {name}, by reporting", name=name)
    return author


def sentence(item: TransactionRecord, zone: str) -> str:
    """Return one transaction as a sentence."""
    return title(_sentence(item, zone))


def _sentence(item: TransactionRecord, zone: str) -> str:
    what = f"{kind_name(item['kind'])} {item['id']}"
    verb = item["verb"]
    if verb == "corrected":
        return _corrected(item, what, zone)
    if verb in ("procured", "assembled"):
        return _("Registered {what}.", what=what)
    if verb == "retired":
        return _("Retired {what}.", what=what)
    if verb == "revived":
        return _("Revived {what}: it is in use again.", what=what)
    return _serviced(item, what) if verb == "serviced" else _moved(item, what)


def _moved(item: TransactionRecord, what: str) -> str:
    was, now = _installations(item, "before"), _installations(item, "after")
    came, left = _came(was, now), _left(was, now)
    place = _where(came, item["kind"]) if came else ""
    from_ = _where(left, item["kind"]) if left else ""
    if came and left and item["verb"] == "moved":
        return _("Moved {what} to {place}, from {left}.", what=what, place=place, left=from_)
    if came:
        return _("Installed {what} in {place}.", what=what, place=place)
    return _("Removed {what} from {left}.", what=what, left=from_)


def _installations(item: TransactionRecord, which: str) -> Sequence[TransactionRecord]:
    found: Sequence[TransactionRecord] = (item[which] or {}).get("installations", ())
    return found


def _came(
    was: Sequence[TransactionRecord], now: Sequence[TransactionRecord]
) -> TransactionRecord | None:
    """Return the new installation, not those that were only shortened."""
    begun = [row for row in now if not any(_same_begin(row, other) for other in was)]
    return begun[-1] if begun else None


def _left(
    was: Sequence[TransactionRecord], now: Sequence[TransactionRecord]
) -> TransactionRecord | None:
    ended = [row for row in was if row not in now]
    return ended[0] if ended else None


def _same_begin(row: TransactionRecord, other: TransactionRecord) -> bool:
    return all(row[name] == other[name] for name in ("assembly_id", "place", "from"))


def _serviced(item: TransactionRecord, what: str) -> str:
    before, after = item["before"] or {}, item["after"] or {}
    aliases = [name for name in after.get("aliases", ()) if name not in before.get("aliases", ())]
    if aliases:
        return _("{what} is also known as {names}.", what=what, names=", ".join(aliases))
    if details := _details(after, before):
        return _("Added to {what}: {details}.", what=what, details=details)
    return _("Serviced {what}.", what=what)


def _corrected(item: TransactionRecord, what: str, zone: str) -> str:
    before, after = item["before"] or {}, item["after"] or {}
    if "installations" in before or "installations" in after:
        now, was = (_periods(record, item["kind"], zone) for record in (after, before))
    else:
        now, was = _details(after, before) or "–", _details(before, after) or "–"
    return _("Corrected {what}: {now} (was: {was}).", what=what, now=now, was=was)


def _periods(record: TransactionRecord, kind: str, zone: str) -> str:
    rows = record.get("installations", ())
    return "; ".join(_period(row, kind, zone) for row in rows) or _("nowhere")


def _period(row: TransactionRecord, kind: str, zone: str) -> str:
    begin, end = (row[name] and datetime.fromisoformat(row[name]) for name in ("from", "until"))
    return f"{_where(row, kind)} {span(begin, end, zone)}"


def span(begin: datetime | None, end: datetime | None, zone: str) -> str:
    """Return a period as text, in a site's time zone."""
    said = (
        _("from the beginning") if begin is None else _("from {t}", t=figures.moment(begin, zone))
    )
    return said if end is None else _("{since} until {t}", since=said, t=figures.moment(end, zone))


def _where(row: TransactionRecord, kind: str) -> str:
    slot = slot_for(row["assembly_kind"], kind)
    return in_slot(slot, row["place"], row["assembly_kind"], row["assembly"])


def _details(record: TransactionRecord, other: TransactionRecord) -> str:
    differ = (name for name in record if name != "ident" and record[name] != other.get(name))
    return ", ".join(f"{name} {record[name]}" for name in differ)
