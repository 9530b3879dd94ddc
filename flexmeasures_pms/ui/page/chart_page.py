"""A page with charts of one asset: the charts, their period, and data for the script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from flask import current_app, request
from werkzeug.exceptions import BadRequest

from flexmeasures_pms.beliefs.sensors import sensor_ids
from flexmeasures_pms.catalogue.readings import sensor_specs
from flexmeasures_pms.overview.charts import CHARTS, sensors_of
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.location import timezone
from flexmeasures_pms.storage.log import series
from flexmeasures_pms.ui.language import sensors
from flexmeasures_pms.ui.language.words import _
from flexmeasures_pms.ui.page import links, period
from flexmeasures_pms.ui.page.access import Seen
from flexmeasures_pms.ui.page.period import PeriodBounds

API = "/pms/api/v1"


@dataclass(frozen=True, slots=True)
class ShownChart:
    """A chart of a page.

    :param look: how its script draws it: ``lines``, ``cells``, ``lanes``, ``steps`` or
        ``ends``, lines with their names at their ends.
    :param shown: whether it is selected.
    """

    code: str
    title: str
    note: str
    unit: str
    look: str
    sensors: tuple[str, ...]
    shown: bool


@dataclass(frozen=True, slots=True)
class ChartPage:
    """The charts of an asset over a period.

    :param bounds: when its first and its newest reading were taken.
    :param spans: links to the newest periods of some lengths: text, name, URL, whether it is
        shown.
    """

    bounds: PeriodBounds
    period: period.Period
    charts: tuple[ShownChart, ...]
    spans: tuple[tuple[str, str, str, bool], ...]
    zone: str

    @classmethod
    def of(
        cls,
        charts: tuple[ShownChart, ...],
        bounds: PeriodBounds,
        zone: str,
        now: datetime,
    ) -> ChartPage:
        """Return charts over the period in the URL.

        :raises BadRequest: for an invalid period.
        """
        shown = period.period(bounds, zone, now)
        return cls(bounds, shown, charts, tuple(_spans(shown)), zone)

    def data(self, seen: Seen, marks: Sequence[tuple[datetime, str]] = ()) -> dict[str, Any]:
        """Return the data for the page's script.

        :param marks: moments that charts mark, with their texts.
        """
        entry = seen.entry
        source = {"prefix": "", "history": history_address(entry, seen.organisation.id)}
        own = {
            "labels": sensors.labels(entry.kind),
            "states": sensors.states(entry.kind),
            "marks": [{"at": at.isoformat(), "words": words} for at, words in marks],
        }
        return self.record(entry.ident, seen.now, [source], **own)

    def record(
        self, name: str, now: datetime, sources: Sequence[Mapping[str, Any]], **own: Any
    ) -> dict[str, Any]:
        """Return the data for a script that draws these charts.

        :param name: of saved files.
        :param sources: where the readings are, each with what is put before the names of its
            sensors, and which it is asked for if not all of the charts.
        """
        return {
            "sources": sources,
            "name": name,
            "zone": self.zone,
            "now": now.isoformat(),
            "start": self.period.start.isoformat(),
            "end": self.period.end.isoformat(),
            "period": self.period.name,
            "follows": self.period.follows,
            "charts": [
                {
                    "code": chart.code,
                    "title": chart.title,
                    "unit": chart.unit,
                    "look": chart.look,
                    "sensors": chart.sensors,
                    "shown": chart.shown,
                }
                for chart in self.charts
            ],
            "marks": [],
            **own,
        }


def history_address(entry: Entry, account_id: int) -> str:
    """Return where the readings of a thing are for a script."""
    return (
        f"{API}/devices/{quote(entry.ident, safe='')}/history"
        f"?kind={entry.kind}&account={account_id}"
    )


def zone_of(seen: Seen) -> str:
    """Return the timezone of a thing's site, or the server's if it is unknown."""
    server: str = current_app.config["FLEXMEASURES_TIMEZONE"]
    return timezone(seen.registered, seen.entry, seen.now) or server


def chart_page(seen: Seen, zone: str) -> ChartPage:
    """Return the charts of an asset for the period in the URL.

    :raises BadRequest: for an invalid period or chart.
    """
    bounds = series.bounds(seen.entry.id)
    return ChartPage.of(tuple(_charts(seen)), bounds, zone, seen.now)


def _charts(seen: Seen) -> list[ShownChart]:
    kind, asset_id = seen.entry.kind, seen.entry.asset_id or 0
    there = sensor_ids([asset_id])[asset_id]
    asked = _asked(kind)
    found = []
    for chart in CHARTS[kind]:
        names = tuple(name for name in sensors_of(kind, chart.code) if name in there)
        if names:
            unit = sensor_specs(kind)[names[0]].quantity.unit
            found.append(
                ShownChart(
                    code=chart.code,
                    title=_(chart.title),
                    note=_(chart.note) if chart.note else "",
                    unit="" if unit == "dimensionless" else unit,
                    look=chart.look,
                    sensors=names,
                    shown=asked is None or chart.code in asked,
                )
            )
    return found


def _asked(kind: str) -> frozenset[str] | None:
    """Return the charts in the URL; None for all."""
    text = request.args.get("charts", "")
    if not text:
        return None
    asked = frozenset(text.split(","))
    if unknown := asked - {chart.code for chart in CHARTS[kind]}:
        word = sorted(unknown)[0][:40]
        raise BadRequest(_("This page has no chart {text}.", text=word))
    return asked


def _spans(shown: period.Period) -> list[tuple[str, str, str, bool]]:
    lengths = [(name, words) for name, (words, _length) in period.LENGTHS.items()]
    every = [*lengths, (period.LIFE, period.LIFE_WORDS)]
    return [
        (_(words), name, links.same(period=name, start=None, end=None), name == shown.name)
        for name, words in every
    ]


def around(at: datetime) -> str:
    """Return the URL of the same page with its charts around a moment."""
    return links.same(**period.bounds_around(at), period=None)
