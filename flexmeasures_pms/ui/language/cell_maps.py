"""What the page of a heat map says of each quantity."""

from __future__ import annotations

from dataclasses import dataclass

from flexmeasures_pms.catalogue.limits import HOT, HOT_FET
from flexmeasures_pms.overview.cell_quantities import MAPPED, CellQuantity
from flexmeasures_pms.ui.language import sensors
from flexmeasures_pms.ui.language.figures import number
from flexmeasures_pms.ui.language.words import _, mark


@dataclass(frozen=True, slots=True)
class MapWords:
    """The words for one quantity, in English.

    :param name: of the quantity.
    :param strip: what stands above the slider.
    :param ranking: the title of the ranking, and ``nothing`` what it says when it is empty.
    :param lasted: the head of its column of durations.
    :param one: what is ranked.
    """

    name: str
    strip: str
    ranking: str
    nothing: str
    lasted: str
    one: str


_LOWEST = (
    mark("Cells by how long they were the lowest of their pack"),
    mark("No cell was lower than the others of its pack."),
    mark("Lowest for"),
    mark("Cell"),
)
_SPREAD = mark("Largest difference within a pack at each moment")
_HOTTEST = mark("Highest temperature at each moment")
_HOT = mark("Sensors by how long they were at {limit} °C or more")
_NOT_HOT = mark("No sensor was at {limit} °C or more.")
_HOT_FOR, _OPEN_FOR = mark("Hot for"), mark("Open for")

_WORDS: dict[CellQuantity, MapWords] = {
    "deviation": MapWords(
        mark("Deviation from the mean of the other cells"),
        mark("How far the lowest cell was below the others of its pack at each moment"),
        *_LOWEST,
    ),
    "voltage": MapWords(mark("Cell voltage"), _SPREAD, *_LOWEST),
    "difference": MapWords(mark("Above the pack's lowest cell"), _SPREAD, *_LOWEST),
    "open": MapWords(
        mark("Open cells"),
        mark("Open cells at each moment"),
        mark("Cells by how long they were open"),
        mark("No cell was open."),
        _OPEN_FOR,
        mark("Cell"),
    ),
    "temperature": MapWords(
        mark("Pack temperatures"), _HOTTEST, _HOT, _NOT_HOT, _HOT_FOR, mark("Sensor")
    ),
    "fet-temperature": MapWords(
        mark("FET temperatures"), _HOTTEST, _HOT, _NOT_HOT, _HOT_FOR, mark("Sensor")
    ),
    "fet-open": MapWords(
        mark("Open FETs"),
        mark("Open FETs at each moment"),
        mark("FETs by how long they were open"),
        mark("No FET was open."),
        _OPEN_FOR,
        mark("FET"),
    ),
}


def words_of(quantity: CellQuantity) -> MapWords:
    """Return the words for a quantity, in the language of the request."""
    words = _WORDS[quantity]
    limit = number(HOT_FET if quantity == "fet-temperature" else HOT)
    return MapWords(
        _(words.name),
        _(words.strip),
        _(words.ranking, limit=limit),
        _(words.nothing, limit=limit),
        _(words.lasted),
        _(words.one),
    )


def heads(quantity: CellQuantity) -> list[str]:
    """Return what the sensors of a map are called: cells by their numbers."""
    labels = sensors.labels("case")
    mapped = MAPPED[quantity].sensors
    if mapped[0].startswith("cell"):
        return [number(n) for n in range(1, len(mapped) + 1)]
    return [labels[name] for name in mapped]
