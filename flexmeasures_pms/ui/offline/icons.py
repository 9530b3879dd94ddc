"""The pictures of asset types in FlexMeasures' structure view, which it loads from Iconify."""

from __future__ import annotations

from dataclasses import dataclass

HOST = "api.iconify.design"


@dataclass(frozen=True, slots=True)
class Icon:
    """One icon of an Iconify set, as a separate file.

    :param colour: of its lines, from the URL's query.
    """

    set: str
    name: str
    colour: str = "currentColor"

    @property
    def url(self) -> str:
        """Host and path of its URL, without the query."""
        return f"{HOST}/{self.set}/{self.name}.svg"

    @property
    def path(self) -> str:
        """Its file below ``ui/static/vendor``."""
        return f"iconify/{self.set}/{self.name}.svg"

    @property
    def package(self) -> str:
        """The npm package that it is from."""
        return f"@iconify-json/{self.set}"


_MDI = (
    *("air-filter", "battery", "binoculars", "factory", "heat-pump", "home-city", "hvac"),
    *("lightbulb", "map-marker-outline", "power-plug", "snowflake", "storage-tank"),
    *("water-boiler", "wind-turbine"),
)

ICONS: tuple[Icon, ...] = (
    *(Icon("mdi", name) for name in _MDI),
    Icon("fa-solid", "question-circle"),
    # FlexMeasures requests it with ?color=white.
    Icon("material-symbols", "add-rounded", "white"),
    Icon("material-symbols", "ev-station-outline"),
    Icon("wi", "day-sunny"),
)
