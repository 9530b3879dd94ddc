"""Recorded changes of a thing as text: one event for each command, form or report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db
from flexmeasures.data.models.user import User

from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.registry.kinds import CABINET, slot_for
from flexmeasures_pms.registry.master.rules import WORDS
from flexmeasures_pms.ui.language import figures
from flexmeasures_pms.ui.language.words import _, mark
from flexmeasures_pms.ui.registry.event_words import carried
from flexmeasures_pms.ui.registry.terms import called, in_slot, kind_name, title

TransactionRecord = Mapping[str, Any]

_TOGETHER = (
    "request_id", "author", "recorded_at", "cause", "code", "person", "document", "details",
)  # fmt: skip
"""What changes that were recorded together have in common."""

_PLAIN: Mapping[str, str] = {
    **dict.fromkeys(("registered", "procured", "assembled"), mark("Registered {what}.")),
    "retired": mark("Retired {what}."),
    "revived": mark("Revived {what}: it is in use again."),
    "shipped": mark("Shipped {what}."),
    "returned": mark("Returned {what}."),
}
"""The sentences of transactions that change no place and no details, by their verb."""


@dataclass(frozen=True, slots=True)
class Event:
    """Changes that were recorded together.

    :param since: when it starts; None if unknown or not applicable.
    :param carried: what the business event carries: its cause, who did it, what was found.
    """

    recorded_at: datetime
    since: datetime | None
    who: str
    why: str
    sentences: tuple[str, ...]
    carried: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Site:
    """What the places and times of recorded changes are told by.

    :param registered: knows which PMS a cabinet was in; None where that is not told.
    """

    zone: str
    registered: Directory | None = None

    def pms_of(self, row: TransactionRecord) -> Entry | None:
        """Return the PMS that the assembly of an installation was in when it began, or ended."""
        if self.registered is None or row["assembly_kind"] != CABINET:
            return None
        begin, end = (row[name] and datetime.fromisoformat(row[name]) for name in ("from", "until"))
        at = begin or (end and end - timedelta(microseconds=1)) or datetime.now(UTC)
        return self.registered.pms_of(row["assembly_id"], at)


def events_of(
    transactions: Sequence[TransactionRecord], zone: str, registered: Directory
) -> tuple[Event, ...]:
    """Return transactions, in the order of recording, as events with the newest first."""
    site = _Site(zone, registered)
    authors = _people({item["author"] for item in transactions})
    groups = groupby(transactions, key=lambda t: tuple(t[name] for name in _TOGETHER))
    return tuple(_event(list(group), authors, site) for _key, group in groups)[::-1]


def _event(items: list[TransactionRecord], people: Mapping[str, str], site: _Site) -> Event:
    first = items[0]
    times = {item["effective_at"] for item in items if item["effective_at"]}
    return Event(
        recorded_at=datetime.fromisoformat(first["recorded_at"]),
        since=datetime.fromisoformat(min(times)) if times else None,
        who=_author(first["author"], people),
        why="; ".join(dict.fromkeys(item["note"] for item in items if item["note"])),
        sentences=tuple(dict.fromkeys(title(_sentence(item, site)) for item in items)),
        carried=carried(first),
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


def author_names(authors: Iterable[str]) -> dict[str, str]:
    """Return what pages call the authors of transactions."""
    every = set(authors)
    people = _people(every)
    return {author: _author(author, people) for author in every}


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
    return title(_sentence(item, _Site(zone)))


def _sentence(item: TransactionRecord, site: _Site) -> str:
    what = f"{kind_name(item['kind'])} {item['id']}"
    verb = item["verb"]
    if "origin" in (item["after"] or {}):
        return _of_origin(item, what)
    if verb == "corrected":
        return _corrected(item, what, site)
    if verb in _PLAIN:
        return _(_PLAIN[verb], what=what)
    return _serviced(item, what) if verb == "serviced" else _moved(item, what, site)


def _moved(item: TransactionRecord, what: str, site: _Site) -> str:
    was, now = _installations(item, "before"), _installations(item, "after")
    came, left = _came(was, now), _left(was, now)
    place = _where(came, item["kind"], site) if came else ""
    from_ = _where(left, item["kind"], site) if left else ""
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


def _corrected(item: TransactionRecord, what: str, site: _Site) -> str:
    before, after = item["before"] or {}, item["after"] or {}
    if "installations" in before or "installations" in after:
        now, was = (_periods(record, item["kind"], site) for record in (after, before))
    else:
        now, was = _details(after, before) or "–", _details(before, after) or "–"
    return _("Corrected {what}: {now} (was: {was}).", what=what, now=now, was=was)


def _of_origin(item: TransactionRecord, what: str) -> str:
    before, after = ((item[which] or {}).get("origin", {}) for which in ("before", "after"))
    now, was = _origin_details(after, before), _origin_details(before, after)
    if item["verb"] == "corrected":
        return _("Corrected {what}: {now} (was: {was}).", what=what, now=now or "–", was=was or "–")
    return _("Added to {what}: {details}.", what=what, details=now)


def _origin_details(record: TransactionRecord, other: TransactionRecord) -> str:
    differ = (name for name in WORDS if record.get(name) not in (None, other.get(name)))
    return ", ".join(f"{_(WORDS[name])} {record[name]}" for name in differ)


def _periods(record: TransactionRecord, kind: str, site: _Site) -> str:
    rows = record.get("installations", ())
    return "; ".join(_period(row, kind, site) for row in rows) or _("nowhere")


def _period(row: TransactionRecord, kind: str, site: _Site) -> str:
    begin, end = (row[name] and datetime.fromisoformat(row[name]) for name in ("from", "until"))
    return f"{_where(row, kind, site)} {span(begin, end, site.zone)}"


def span(begin: datetime | None, end: datetime | None, zone: str) -> str:
    """Return a period as text, in a site's time zone."""
    if begin is None:
        if end is None:
            return _("start not recorded")
        return _("until {t}, start not recorded", t=figures.moment(end, zone))
    said = _("from {t}", t=figures.moment(begin, zone))
    return said if end is None else _("{since} until {t}", since=said, t=figures.moment(end, zone))


def _where(row: TransactionRecord, kind: str, site: _Site) -> str:
    slot = slot_for(row["assembly_kind"], kind)
    place = in_slot(slot, row["place"], row["assembly_kind"], row["assembly"])
    pms = site.pms_of(row)
    return place if pms is None else f"{place}, {called(pms)}"


def _details(record: TransactionRecord, other: TransactionRecord) -> str:
    differ = (name for name in record if name != "ident" and record[name] != other.get(name))
    return ", ".join(f"{name} {record[name]}" for name in differ)
