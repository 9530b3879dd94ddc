"""A pack's cells as bars, side by side on the one scale of the rack.

It is written here and not in a template: of a rack of 48 packs, whose 672 bars were two thirds of
the time of the page, which is asked for every few seconds.
"""

from __future__ import annotations

from markupsafe import Markup, escape

from flexmeasures_pms.overview.docks import Scale
from flexmeasures_pms.overview.packs import ShownCell, ShownPack
from flexmeasures_pms.overview.shading import NO_DATA, Shading
from flexmeasures_pms.ui.language.figures import number
from flexmeasures_pms.ui.language.words import _, mark

WIDTH = 10
"""Of a bar with the room beside it, in the units of the picture; a bar is from 36 up to 6 high."""

_STATES = {"high": mark("too high"), "low": mark("too low"), "weak": mark("weak")}


def strip(pack: ShownPack, scale: Scale | None, shading: Shading | None) -> Markup:
    """Return a picture of a pack's cells: a bar for each, with its voltage as a title.

    :param scale: of the rack; None where no cell of it was read.
    :param shading: how bars are coloured, None for their state.
    """
    bars = "".join(_cell(one, pack, scale, shading) for one in pack.cells)
    return Markup(  # noqa: S704 - numbers, and texts that are escaped
        '<svg class="strip" viewBox="0 0 140 44" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(_words(pack))}">'
        f'<line class="strip-base" x1="0" x2="140" y1="36.5" y2="36.5"/>{bars}</svg>'
    )


def bar(
    x: int, height: float, rank: str, state: str, is_open: bool = False, shade: str | None = None
) -> Markup:
    """Return a bar; a cell too high or too low has a cross above it, whatever its colour.

    :param x: where it begins; ``height`` likewise in the units of the picture.
    :param rank: ``weakest`` or ``strongest`` of its pack, or another word.
    """
    look = f"bar bar-{state}" + (" bar-open" if is_open else "")
    shaded = "" if shade in (None, NO_DATA) else f' data-shade="{shade}"'
    text = (
        f'<rect class="{look}"{shaded} x="{x + 1.5}" y="{36 - height}" width="7" '
        f'height="{height}"/>'
    )
    if rank == "weakest":
        text += f'<path class="mark-weakest mark-{state}" d="M{x + 5} 37.5l3.6 6.5h-7.2z"/>'
    if state in ("high", "low"):
        text += f'<path class="mark-beyond" d="M{x + 2} {34 - height}l6 -6m0 6l-6 -6"/>'
    elif rank == "strongest":
        text += f'<path class="mark-strongest" d="M{x + 5} {35 - height}l3.6 -6h-7.2z"/>'
    return Markup(text)  # noqa: S704 - numbers and our own words


def unread(x: int) -> Markup:
    """Return what stands instead of the bar of a cell whose voltage was not told."""
    return Markup(f'<path class="bar-none" d="M{x + 2} 28l6 6m0-6l-6 6"/>')  # noqa: S704 - a number


def _words(pack: ShownPack) -> str:
    if not pack.weakest or not pack.strongest:
        return _("No cell voltages")
    low, high = (number(pack.cells[n - 1].volts, 3) for n in (pack.weakest, pack.strongest))
    return _(
        "Cells: weakest {low}, {low_volts} V; strongest {high}, {high_volts} V.",
        low=pack.weakest,
        low_volts=low,
        high=pack.strongest,
        high_volts=high,
    )


def _cell(one: ShownCell, pack: ShownPack, scale: Scale | None, shading: Shading | None) -> str:
    x = (one.number - 1) * WIDTH
    if one.volts is None or scale is None:
        title, picture = _("Cell {n} unread", n=one.number), unread(x)
    else:
        rank = (
            "weakest"
            if one.number == pack.weakest
            else "strongest"
            if one.number == pack.strongest
            else ""
        )
        shade = shading.step(shading.of_cell(one)) if shading and not pack.silent else None
        height = round(1 + 29 * scale.height(one.volts), 1)
        title, picture = _title(one), bar(x, height, rank, one.state, one.open, shade)
    return f"<g><title>{escape(title)}</title>{picture}</g>"


def _title(one: ShownCell) -> str:
    parts = [_("Cell {n}: {volts} V", n=one.number, volts=number(one.volts, 3))]
    parts += [_("open")] if one.open else []
    parts += [_(_STATES[one.state])] if one.state in _STATES else []
    return ", ".join(parts)
