"""Small pictures: a rate with its interval, and the share of parts that is left after a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from flexmeasures_pms.registry.questions.lifetimes import Survival
from flexmeasures_pms.registry.questions.swap_rates import Rate, SwapRate
from flexmeasures_pms.ui.language.figures import number
from flexmeasures_pms.ui.language.words import _

YEAR = 365.25
WIDTH, HEIGHT = 1000, 200
_IN_YEARS = 2 * YEAR
_STEPS = (1, 2, 5, 10, 20, 30, 60, 90, 120, 180, 365, 730)
_TICKS = 6


def rate_scale(rates: list[SwapRate]) -> float:
    """Return the highest rate that bars show: intervals of few may go beyond it."""
    known = [(one.rate, one.is_of_few) for one in rates if one.rate is not None]
    ends = [rate.value if few else rate.high for rate, few in known]
    return 1.1 * max(ends, default=0) or max((rate.high for rate, _few in known), default=1)


def rate_bar(rate: Rate, scale: float, is_of_few: bool) -> Markup:
    """Return a picture of a rate; the numbers stand beside it for who can't see it.

    :param scale: the rate at its right end.
    """
    low, value, high = (round(200 * min(one / scale, 1), 1) for one in
                        (rate.low, rate.value, rate.high))  # fmt: skip
    few = " rate-few" if is_of_few else ""
    return Markup(  # noqa: S704 - of numbers
        f'<svg class="rate-bar{few}" viewBox="0 0 200 16" preserveAspectRatio="none" '
        'aria-hidden="true"><rect class="rate-track" width="200" height="16"/>'
        f'<rect class="rate-interval" x="{low}" y="4" width="{max(high - low, 1)}" height="8"/>'
        f'<line class="rate-value" x1="{value}" x2="{value}" y1="1" y2="15"/></svg>'
    )


@dataclass(frozen=True, slots=True)
class SurvivalPicture:
    """A curve of the share that is left.

    :param ticks: of the axis: how far right in percent, and what it says.
    :param unit: of the axis.
    """

    svg: Markup
    ticks: tuple[tuple[float, str], ...]
    unit: str


def survival_picture(found: Survival) -> SurvivalPicture:
    """Return the curve with the band of its interval, up to the longest installation."""
    end = max(found.longest, 1)
    line = _steps(found, found.shares, end)
    upper, lower = _steps(found, found.high, end), _steps(found, found.low, end)
    band = [*upper, *reversed(lower)]
    grid = "".join(
        f'<line class="survival-grid" x1="0" x2="{WIDTH}" y1="{y}" y2="{y}"/>'
        for y in (HEIGHT // 4, HEIGHT // 2, 3 * HEIGHT // 4)
    )
    svg = Markup(  # noqa: S704 - of numbers
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">{grid}'
        f'<polygon class="survival-band" points="{_points(band)}"/>'
        f'<polyline class="survival-line" points="{_points(line)}"/></svg>'
    )
    in_years = end > _IN_YEARS
    return SurvivalPicture(svg, tuple(_ticks(end, in_years)), _("years") if in_years else _("days"))


def thinned(found: Survival, most: int = 24) -> list[tuple[float, float, float, float]]:
    """Return days, share and interval of a table with few rows: the last of them is kept."""
    rows = list(zip(found.days, found.shares, found.low, found.high, strict=True))
    step = -(-len(rows) // most) if rows else 1
    return rows[::-1][::step][::-1]


def _steps(found: Survival, shares: tuple[float, ...], end: float) -> list[tuple[float, float]]:
    points, before = [(0.0, 1.0)], 1.0
    for day, share in zip(found.days, shares, strict=True):
        points += [(day / end, before), (day / end, share)]
        before = share
    return [*points, (1.0, before)]


def _points(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{x * WIDTH:.1f},{(1 - y) * HEIGHT:.1f}" for x, y in points)


def _ticks(end: float, in_years: bool) -> Iterator[tuple[float, str]]:
    unit = YEAR if in_years else 1
    step = next((one for one in _STEPS if end / unit / one <= _TICKS), _STEPS[-1])
    for n in range(int(end / unit / step) + 1):
        yield round(100 * n * step * unit / end, 2), number(n * step)
