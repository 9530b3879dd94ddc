"""Texts for findings: the health states of packs, PMSes and converters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from flexmeasures_pms.overview.states import Code, Finding
from flexmeasures_pms.ui.language.figures import moment, number
from flexmeasures_pms.ui.language.words import _, mark

Badge = Literal["good", "notice", "warn", "bad", "silent", "none"]

NAMES: Mapping[Code, str] = {
    "fault": mark("Fault"),
    "hot": mark("Hot"),
    "fet_hot": mark("Hot FET"),
    "cell_high": mark("Cell too high"),
    "cell_low": mark("Cell too low"),
    "bus_fault": mark("Bus fault"),
    "fet_open": mark("FET open"),
    "silent": mark("Silent"),
    "unread": mark("Cells unread"),
    "no_temperature": mark("Temperature unread"),
    "weak_cell": mark("Weak cell"),
    "flapping": mark("Flapping"),
    "wrong_place": mark("Wrong place"),
    "unknown_pack": mark("Unknown pack"),
    "unallocated": mark("No dock"),
    "retired_reporting": mark("Reports although it is retired"),
    "never": mark("No reading yet"),
    "empty": mark("Empty"),
    "retired": mark("Retired"),
    "ok": mark("Normal"),
}

_BADGES: Mapping[str, Badge] = {"alarm": "bad", "warning": "warn", "note": "none", "ok": "good"}


def badge(finding: Finding) -> Badge:
    """Return how the badge of a finding looks."""
    return "silent" if finding.code == "silent" else _BADGES[finding.level]


def name(finding: Finding) -> str:
    """Return the name of a finding."""
    return _(NAMES[finding.code])


def sentence(finding: Finding, zone: str | None = None) -> str:
    """Return a finding of one thing with its figures: ``Cell 5 is 62 mV below the others``.

    :param zone: the site's timezone, for times.
    """
    say = _SENTENCES.get(finding.code)
    said = say(finding, zone) if say else name(finding)
    return f"{said}, {_no_data(finding, zone)}" if _is_last(finding) else said


def look(state: Finding) -> Badge:
    """Return how the row of a device looks whose worst finding this is.

    A silent pack is an alarm of its PMS; only a PMS of which nothing reports is silent itself.
    """
    return "bad" if state.code == "silent" and state.ident else badge(state)


def _is_last(finding: Finding) -> bool:
    """Whether it is a state of the last reading of a silent thing."""
    own = ("silent", "flapping", "retired")
    return finding.since is not None and finding.code not in own


def _no_data(finding: Finding, zone: str | None) -> str:
    return _("no data since {time}", time=moment(finding.since, zone, seconds=False))


def brief(finding: Finding, zone: str | None = None, *, then: bool = False) -> str:
    """Return a finding as a short text for a dock, shown beside the age of its reading.

    :param then: it is of a moment in the past, and shown beside the time of its reading.
    """
    if then and finding.code == "silent":
        return _("No data since")
    if finding.code in ("silent", "flapping"):
        return name(finding)
    if finding.code == "weak_cell" and finding.numbers:
        return _("Cell {n}: −{mv} mV", n=finding.numbers[0], mv=number(finding.figure))
    if _is_last(finding):  # a dock tells this of all its last states once
        return sentence(msgspec.structs.replace(finding, since=None), zone)
    return sentence(finding, zone)


def also(finding: Finding, zone: str | None) -> str:
    """Return a finding beside a worse one of the same dock."""
    said = _no_data(finding, zone) if finding.code == "silent" else brief(finding, zone)
    return said[:1].upper() + said[1:]


def summary(finding: Finding, zone: str | None = None) -> str:
    """Return a finding of one or several packs: ``0244: Hot, 57.3 °C, and 2 more``."""
    if finding.ident is None:
        return sentence(finding, zone)
    said = f"{finding.ident}: {sentence(finding, zone)}"
    if finding.also:
        said = _("{finding}; also {others}", finding=said, others=", ".join(finding.also))
    more = finding.many - 1 - len(finding.also)
    return _("{finding}, and {count} more", finding=said, count=more) if more else said


def _since(finding: Finding, zone: str | None) -> str:
    return _("since {time}", time=moment(finding.since, zone, seconds=False))


def _hot(finding: Finding, _zone: str | None) -> str:
    return f"{name(finding)}, {number(finding.figure, 1)} °C"


def _cell(finding: Finding, _zone: str | None) -> str:
    volts = number(finding.figure, 3)
    if not finding.numbers:
        return f"{name(finding)}, {volts} V"
    if finding.code == "cell_high":
        return _("Cell {n} too high, {volts} V", n=finding.numbers[0], volts=volts)
    return _("Cell {n} too low, {volts} V", n=finding.numbers[0], volts=volts)


def _weak(finding: Finding, _zone: str | None) -> str:
    mv = number(finding.figure)
    if not finding.numbers:
        return _("Weak cell, {mv} mV below the others", mv=mv)
    return _("Cell {n} is {mv} mV below the others", n=finding.numbers[0], mv=mv)


def _unread(finding: Finding, _zone: str | None) -> str:
    if not finding.numbers:
        return name(finding)
    if len(finding.numbers) == 1:
        return _("Cell {n} unread", n=finding.numbers[0])
    return _("Cells {numbers} unread", numbers=", ".join(map(str, finding.numbers)))


def _fets(finding: Finding, _zone: str | None) -> str:
    if not finding.numbers:
        return name(finding)
    one, both = _("FET {n} open", n=finding.numbers[0]), _("Both FETs open")
    return one if len(finding.numbers) == 1 else both


def _silent(finding: Finding, zone: str | None) -> str:
    return _("Silent since {time}", time=moment(finding.since, zone, seconds=False))


def _retired(finding: Finding, zone: str | None) -> str:
    return f"{name(finding)} {_since(finding, zone)}"


def _place(finding: Finding, _zone: str | None) -> str:
    dock = finding.numbers[0] if finding.numbers else None
    if finding.source is None:
        return name(finding) if dock is None else _("Reports dock {dock}", dock=dock)
    if dock is None:
        return _("Reports to {pms}", pms=finding.source)
    return _("Reports to {pms}, dock {dock}", pms=finding.source, dock=dock)


def _flapping(finding: Finding, zone: str | None) -> str:
    if not finding.since:
        return name(finding)
    if len(finding.numbers) < 2:
        return f"{name(finding)}, {_since(finding, zone)}"
    docks = ", ".join(map(str, finding.numbers))
    return _("In docks {numbers} in turn, {since}", numbers=docks, since=_since(finding, zone))


def _unallocated(_finding: Finding, _zone: str | None) -> str:
    return _("No dock (99)")


_SENTENCES: Mapping[Code, Callable[[Finding, str | None], str]] = {
    "hot": _hot,
    "fet_hot": _hot,
    "cell_high": _cell,
    "cell_low": _cell,
    "fet_open": _fets,
    "silent": _silent,
    "unread": _unread,
    "weak_cell": _weak,
    "flapping": _flapping,
    "wrong_place": _place,
    "unallocated": _unallocated,
    "retired": _retired,
}
