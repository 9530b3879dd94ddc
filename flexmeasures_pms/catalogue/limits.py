"""The limits beyond which a reading is a fault.

They are for packs of 14 lithium-ion cells in series that work between 3.0 and 4.2 V.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

HOT = 55.0
"""Hottest of a pack's own sensors [°C]: cells of this kind may not work above 60 °C, and a
pack in the field reached 45 °C."""
HOT_FET = 80.0
"""Hottest FET [°C]: a pack in the field reached 65 °C under load."""
CELL_HIGH, CELL_LOW = 4.2, 3.0
"""Highest and lowest voltage [V] that a cell of this kind is charged and discharged to."""
WEAK_CELL = 30.0
"""How far [mV] a cell is below the mean of its pack's other cells, without those that are too high.
In 2,840 readings of a healthy pack in the field the lowest was 11 mV or less below in half of them
and 23 mV in 95 %."""
LimitCode = Literal["hot", "fet_hot", "cell_high", "cell_low", "weak_cell"]


@dataclass(frozen=True, slots=True)
class PackLimit:
    """A limit of one figure of a pack.

    :param code: of the health state beyond it.
    :param figure: what it applies to: a field of ``overview.states.Extremes``.
    :param beyond: how a figure beyond it compares with ``value``.
    :param stays: whether the state of the last reading holds while the pack is silent: what was
        dangerous then is not known to be over.
    """

    code: LimitCode
    figure: str
    beyond: Literal[">=", ">", "<"]
    value: float
    stays: bool

    @property
    def sign(self) -> int:
        """What a figure is multiplied by so that the worst is the lowest."""
        return 1 if self.beyond == "<" else -1


PACK_LIMITS = (
    PackLimit("hot", "hottest", ">=", HOT, stays=True),
    PackLimit("fet_hot", "hottest_fet", ">=", HOT_FET, stays=True),
    PackLimit("cell_high", "highest", ">", CELL_HIGH, stays=True),
    PackLimit("cell_low", "lowest", "<", CELL_LOW, stays=True),
    PackLimit("weak_cell", "weak_by", ">=", WEAK_CELL, stays=False),
)
"""All limits of a pack: the rack judges each pack by them, and the database those of a fleet."""
SILENT_AFTER = timedelta(minutes=5)
"""Age of the newest reading: five readings were missed at a minute each, which is the
slowest that gateways are known to report."""
CLOCK_SKEW = timedelta(minutes=1)
"""How far ahead of the server a reading may be and still be of now: clocks that are set over
the network differ by less. What is further ahead is stored, but is not the newest reading before
its time has come."""
MOST_CHANGES = 6
"""How often a pack's reported place changes within :data:`WITHIN` at most: a person who tries docks
needs some moves, and two packs that answer with one id make two with every sample."""
WITHIN = timedelta(hours=1)
SETTLED = WITHIN / MOST_CHANGES
"""How long a pack that flapped is reported from one place before it has moved there: a pack that
changes its place more often than :data:`MOST_CHANGES` in :data:`WITHIN` never is."""
AT_ONCE = timedelta(seconds=10)
"""A pack that comes back to a place that it was reported from less than this ago was not moved in
between: nobody pulls a pack, puts it into another dock and back as fast."""
