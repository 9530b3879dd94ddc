"""The site's weather: clouds and air temperature, seeded and in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass

from flexmeasures_pms.simulator import sun
from flexmeasures_pms.simulator.noise import smooth

_DAY = 86_400.0
_WARMEST = 14.5 * 3600  # mean solar time of day


@dataclass(frozen=True, slots=True)
class Weather:
    """The weather of one place.

    :param seed: of the clouds and of the warm and cool days.
    :param latitude: [degrees north].
    :param longitude: [degrees east].
    """

    seed: int
    latitude: float
    longitude: float

    def cover(self, seconds: float) -> float:
        """Return how much of the sun clouds take away, 0 (none) to 0.8 (rain).

        Fronts last most of a day, clouds twenty minutes, their edges a few.
        """
        front = smooth(self.seed, "front", seconds, 32_400)
        cloud = smooth(self.seed, "cloud", seconds, 1_200)
        edge = smooth(self.seed, "edge", seconds, 240)
        depth = (0.65 * cloud + 0.35 * edge + 1.1 * front - 0.85) / 0.5
        return 0.8 * min(1.0, max(0.0, depth))

    def irradiance(self, seconds: float) -> float:
        """Return the irradiance on level ground [W/m²]."""
        clear = sun.clear_sky(seconds, self.latitude, self.longitude)
        return clear * (1 - self.cover(seconds)) if clear > 0 else 0.0

    def air(self, seconds: float) -> float:
        """Return the air temperature [°C]: a daily wave around a mean for the latitude."""
        mean = 30.0 - 0.3 * abs(self.latitude)
        spell = 3.0 * (smooth(self.seed, "spell", seconds, _DAY) - 0.5)
        clock = sun.solar_seconds(seconds, self.longitude) - _WARMEST
        return mean + spell + 4.0 * math.cos(2 * math.pi * clock / _DAY)

    def settled(self, seconds: float, lag: float) -> float:
        """Return the temperature [°C] of a body that follows the air with a time constant.

        :param seconds: Unix time [s].
        :param lag: time constant [s].
        """
        step = lag / 20
        weights = [math.exp(-(i + 0.5) / 20) for i in range(140)]
        past = (self.air(seconds - (i + 0.5) * step) for i in range(140))
        return sum(w * t for w, t in zip(weights, past, strict=True)) / sum(weights)
