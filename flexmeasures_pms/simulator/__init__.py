"""A simulated battery site: realistic telemetry without hardware.

Sun, clouds, loads, an inverter with the grid, MPPTs, and packs of fourteen cells that
share a bus: a small physical model that makes the requests of a real gateway. It does no
I/O except writing files, and does not need FlexMeasures. The same seed, layout and times
always give the same bytes.

>>> from datetime import datetime, timedelta
>>> site = Site(demo_layout(), seed=1)
>>> start = datetime.fromisoformat("2026-01-05T12:00+07:00")
>>> requests = site.requests(start, start + timedelta(minutes=1), timedelta(seconds=5))
>>> next(requests).dataset
'pms'
"""

from flexmeasures_pms.simulator.fleet import demo_layout, fleet_layout, make_case
from flexmeasures_pms.simulator.layout import Cabinet, Case, Layout, Move, System
from flexmeasures_pms.simulator.registry_csv import registry_csv
from flexmeasures_pms.simulator.site import SimulatedRequest, Site

__all__ = [
    "Cabinet",
    "Case",
    "Layout",
    "Move",
    "SimulatedRequest",
    "Site",
    "System",
    "demo_layout",
    "fleet_layout",
    "make_case",
    "registry_csv",
]
