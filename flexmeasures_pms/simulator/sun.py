"""Where the sun is, and how much of it reaches the ground under a clear sky."""

from __future__ import annotations

import math

_DAY = 86_400.0
_YEAR = 365.2422 * _DAY
# Midnight before 1 January 1970 is the zero of Unix time and of the year's angle here.
_TILT = math.radians(23.44)


def solar_seconds(seconds: float, longitude: float) -> float:
    """Return Unix time shifted to the site's mean solar time [s].

    :param seconds: Unix time [s].
    :param longitude: [degrees east].
    """
    return seconds + longitude * 240.0


def sine_of_elevation(seconds: float, latitude: float, longitude: float) -> float:
    """Return the sine of the sun's elevation; negative below the horizon.

    Declination after Cooper (1969), equation of time after Spencer (1971): accurate to
    about a degree, which is enough for a simulated site.

    :param seconds: Unix time [s].
    :param latitude: [degrees north].
    :param longitude: [degrees east].
    """
    year = 2 * math.pi * (seconds % _YEAR) / _YEAR
    declination = _TILT * math.sin(year + 2 * math.pi * 284 / 365)
    late = 229.18 * (  # minutes
        0.000075
        + 0.001868 * math.cos(year)
        - 0.032077 * math.sin(year)
        - 0.014615 * math.cos(2 * year)
        - 0.04089 * math.sin(2 * year)
    )
    solar = solar_seconds(seconds, longitude) + 60 * late
    hour_angle = 2 * math.pi * (solar % _DAY) / _DAY - math.pi
    north = math.radians(latitude)
    return math.sin(north) * math.sin(declination) + math.cos(north) * math.cos(
        declination
    ) * math.cos(hour_angle)


def clear_sky(seconds: float, latitude: float, longitude: float) -> float:
    """Return the clear-sky irradiance on level ground [W/m²], after Haurwitz (1945).

    1098 W/m² x cos(z) x exp(-0.057 / cos(z)): 1037 W/m² with the sun overhead.
    """
    height = sine_of_elevation(seconds, latitude, longitude)
    return 1098.0 * height * math.exp(-0.057 / height) if height > 0 else 0.0
