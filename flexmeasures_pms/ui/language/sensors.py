"""Sensors, charts and states by the names that pages show.

The names are in the catalogue; the translations of a language have them all.
"""

from __future__ import annotations

from collections.abc import Iterator

from flexmeasures_pms.catalogue.asset_types import DEVICE_KINDS
from flexmeasures_pms.catalogue.charts import CHARTS
from flexmeasures_pms.catalogue.quantities import BY_ASSET_TYPE, QUANTITIES
from flexmeasures_pms.ui.language.words import _


def catalogue_words() -> Iterator[str]:
    """Yield the English texts of the catalogue that pages show, for translators."""
    for kind in DEVICE_KINDS:
        yield from filter(None, (kind.label, kind.plural, kind.lead))
    for chart in CHARTS:
        yield from filter(None, (chart.title, chart.note))
    for quantity in QUANTITIES:
        if quantity.label:
            yield quantity.label
        if quantity.status:
            for words in quantity.status.states().values():
                yield from words


def labels(kind: str) -> dict[str, str]:
    """Return the labels of the sensors of an asset type in its charts."""
    return {
        name: _(quantity.label, n=n)
        for quantity in BY_ASSET_TYPE[kind]
        if quantity.label
        for n, name in enumerate(quantity.sensor_names(), 1)
    }


def states(kind: str) -> dict[str, dict[str, tuple[str, bool]]]:
    """Return by sensor and value the meaning of states, and whether it is a fault."""
    return {
        quantity.name: {
            str(value): (", ".join(map(_, words)), value in quantity.status.faults)
            for value, words in quantity.status.states().items()
        }
        for quantity in BY_ASSET_TYPE[kind]
        if quantity.status and quantity.chart
    }
