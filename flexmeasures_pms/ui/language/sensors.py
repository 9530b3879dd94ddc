"""Sensors, charts and states by the names that pages show."""

from __future__ import annotations

from collections.abc import Mapping

from flexmeasures_pms.catalogue.quantities import BY_ASSET_TYPE
from flexmeasures_pms.overview.charts import CHARTS, sensors_of
from flexmeasures_pms.overview.converters import is_bad, words_of
from flexmeasures_pms.ui.language.words import _, mark

CHART_NAMES: Mapping[str, str] = {
    "cells": mark("Cell voltage"),
    "spread": mark("Cell spread"),
    "voltage": mark("Pack voltage"),
    "current": mark("Pack current"),
    "temperatures": mark("Temperatures"),
    "open": mark("Open FETs and cells"),
    "dock": mark("Dock"),
    "power": mark("Power"),
    "pv-voltage": mark("PV voltage"),
    "pv-current": mark("PV current"),
    "battery-voltage": mark("Battery voltage"),
    "battery-current": mark("Battery current"),
    "load-voltage": mark("Load voltage"),
    "load-current": mark("Load current"),
    "grid-voltage": mark("Grid voltage"),
    "grid-current": mark("Grid current"),
    "grid-power-factor": mark("Grid power factor"),
    "status": mark("Status"),
}
NOTES: Mapping[str, str] = {
    "current": mark("Charging is positive."),
    "power": mark("Charging, loads, PV and feeding in are positive."),
    "battery-current": mark("Charging is positive."),
    "grid-current": mark("Feeding in is positive."),
    "open": mark("A bar is the time for which it was open."),
    "spread": mark("Between the weakest and the strongest cell."),
}
PACK_POWER = mark("Charging is positive.")

_SENSORS: Mapping[str, str] = {
    "pack voltage": mark("Pack voltage"),
    "pack current": mark("Pack current"),
    "pack power": mark("Pack power"),
    "temperature top": mark("Top"),
    "temperature middle": mark("Middle"),
    "temperature bottom": mark("Bottom"),
    "dock": mark("Dock"),
    "cell spread": mark("Cell spread"),
    "cell {n:02d} voltage": mark("Cell {n}"),
    "cell {n:02d} open": mark("Cell {n}"),
    "FET {n} temperature": mark("FET {n}"),
    "FET {n} open": mark("FET {n}"),
    "PV {n} voltage": mark("PV {n}"),
    "PV {n} current": mark("PV {n}"),
    "PV {n} power": mark("PV {n}"),
    "battery voltage": mark("Battery"),
    "battery current": mark("Battery"),
    "battery power": mark("Battery"),
    "load {n} voltage": mark("Load {n}"),
    "load {n} current": mark("Load {n}"),
    "load {n} power": mark("Load {n}"),
    "grid {n} voltage": mark("Grid {n}"),
    "grid {n} current": mark("Grid {n}"),
    "grid {n} power factor": mark("Grid {n}"),
    "grid power": mark("Grid"),
    "bus connected": mark("Bus"),
    "running": mark("Running"),
    "charging status": mark("Charging"),
    "input status": mark("Input"),
    "load status": mark("Load"),
    "system fault": mark("System"),
    "short circuits": mark("Short circuits"),
}

STATES = (
    *(mark("fault"), mark("connected"), mark("normal"), mark("no power"), mark("high voltage")),
    *(mark("voltage error"), mark("ok"), mark("overcurrent"), mark("short circuit")),
    *(mark("not applicable"), mark("not charging"), mark("float"), mark("boost")),
    *(mark("equalisation"), mark("standby"), mark("running"), mark("none")),
    *(mark("charging FET short"), mark("charging anti-reverse FET short")),
    *(mark("anti-reverse FET short"), mark("input overcurrent"), mark("PV input short")),
)
"""What the bits of a status code mean, for translators."""


def labels(kind: str) -> dict[str, str]:
    """Return what the sensors of a kind of thing are called in its charts."""
    return {
        name: _(_SENSORS[quantity.name], n=n)
        for quantity in BY_ASSET_TYPE[kind]
        if quantity.name in _SENSORS
        for n, name in enumerate(quantity.sensor_names(), 1)
    }


def label(sensor: str) -> str:
    """Return what a status sensor is called."""
    return _(_SENSORS[sensor])


def states(kind: str) -> dict[str, dict[str, tuple[str, bool]]]:
    """Return by sensor and value what a kind's states mean, and whether that is a fault."""
    names = [name for chart in CHARTS[kind] for name in sensors_of(kind, chart.code)]
    found = {name: words_of(name) for name in names}
    return {
        name: {
            str(value): (", ".join(_(word) for word in words), is_bad(name, value))
            for value, words in one.items()
        }
        for name, one in found.items()
        if one
    }


def chart_name(kind: str, code: str) -> str:
    """Return what a chart of a kind of thing is called."""
    return _("Pack power") if (kind, code) == ("case", "power") else _(CHART_NAMES[code])


def chart_note(kind: str, code: str) -> str:
    """Return what has to be known to read a chart, if anything."""
    words = PACK_POWER if (kind, code) == ("case", "power") else NOTES.get(code)
    return _(words) if words else ""
