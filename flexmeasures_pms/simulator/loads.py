"""The loads of a telecom site: VSAT and BTS on DC, cooling and lights on AC.

Sized per pack, so that a night takes a pack from full to about a quarter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from flexmeasures_pms.simulator.noise import smooth
from flexmeasures_pms.simulator.sun import solar_seconds
from flexmeasures_pms.simulator.weather import Weather

VSAT = 9.0  # W per pack, day and night
BTS = 97.0  # W per pack, at average traffic
COOLING = 62.0  # W per pack while the compressor runs
LIGHTS = 6.0  # W per pack by day; three times as much by night

_DAY = 86_400.0
_COMPRESSOR = 1_800.0  # s between two starts


@dataclass(frozen=True, slots=True)
class Loads:
    """Power of the site's loads per pack [W], each positive."""

    vsat: float
    bts: float
    cooling: float
    lights: float


def traffic(solar: float) -> float:
    """Return the BTS load over the day around 1: least at 4 h, most at 20 h solar time."""
    hour = 2 * math.pi * (solar % _DAY) / _DAY
    return 1 - 0.16 * math.cos(hour - math.pi / 3) + 0.07 * math.cos(2 * hour - 2.2)


def loads(weather: Weather, name: str, seconds: float) -> Loads:
    """Return what is consumed at a moment.

    :param name: of the system: the loads of two systems of one site differ.
    :param seconds: Unix time [s].
    """
    seed = weather.seed
    solar = solar_seconds(seconds, weather.longitude)
    busy = 0.94 + 0.08 * smooth(seed, f"{name} calls", seconds, 300)
    flicker = 0.03 * smooth(seed, f"{name} flicker", seconds, 11)
    warmth = (weather.air(seconds) - 16) / 28
    start = 0.7 * smooth(seed, f"{name} compressor", seconds, 7_200)
    runs = (seconds / _COMPRESSOR + start) % 1.0 < min(0.95, max(0.05, warmth))
    dark = weather.irradiance(seconds) < 20
    return Loads(
        vsat=VSAT * (0.98 + flicker),
        bts=BTS * traffic(solar) * (busy + flicker),
        cooling=COOLING if runs else 1.5,
        lights=LIGHTS * (3.0 if dark else 1.0) * (0.97 + flicker),
    )
