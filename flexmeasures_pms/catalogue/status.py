"""The bits of a status code.

A status code is four hex digits, bit 0 right-most. The two-bit fields of an MPPT
are written with the first-named bit first, so "bits 10,11 = 0,1" is ``0x0800``.
Each field becomes a small integer, given in the tables below, that a sensor keeps.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StatusField:
    """One decoded field of a status code.

    :param mask: the bits that belong to the field.
    :param meanings: for each state of those bits its (small integer, words).
    :param faults: the small integers that are a fault.
    """

    mask: int
    meanings: dict[int, tuple[int, str]]
    faults: frozenset[int] = frozenset()

    def decode(self, code: int) -> int:
        """Return the field's small integer for a 16-bit status code."""
        return self.meanings[code & self.mask][0]

    def words(self, value: int) -> str:
        """Return the words for a small integer returned by :meth:`decode`."""
        return dict(self.meanings.values())[value]

    def states(self) -> dict[int, tuple[str, ...]]:
        """Return the words of each small integer."""
        return {value: (words,) for value, words in sorted(self.meanings.values())}


@dataclass(frozen=True, slots=True)
class StatusBits:
    """Several bits of a status code that may be set together; each is a fault.

    :param bits: each bit in the code, with words.
    """

    bits: tuple[tuple[int, str], ...]

    def decode(self, code: int) -> int:
        """Return the bits that are set as a small bit set: bit ``i`` is the ``i``-th entry."""
        return sum(1 << i for i, (mask, _) in enumerate(self.bits) if code & mask)

    @property
    def faults(self) -> frozenset[int]:
        """The small integers that are a fault: all but 0."""
        return frozenset(range(1, 1 << len(self.bits)))

    def states(self) -> dict[int, tuple[str, ...]]:
        """Return the words of each small integer; ``none`` for 0."""
        return {value: self._words(value) for value in range(1 << len(self.bits))}

    def _words(self, value: int) -> tuple[str, ...]:
        found = tuple(words for i, (_, words) in enumerate(self.bits) if value >> i & 1)
        return found or ("none",)


BUS_CONNECTED = StatusField(
    0x0001, {0x0000: (0, "fault"), 0x0001: (1, "connected")}, frozenset({0})
)
INPUT = StatusField(
    0x0006,
    {
        0x0000: (0, "normal"),
        0x0004: (1, "no power"),
        0x0002: (2, "high voltage"),
        0x0006: (3, "voltage error"),
    },
    frozenset({2, 3}),
)
LOAD = StatusField(
    0x0180,
    {
        0x0000: (0, "ok"),
        0x0100: (1, "overcurrent"),
        0x0080: (2, "short circuit"),
        0x0180: (3, "not applicable"),
    },
    frozenset({1, 2}),
)
CHARGING = StatusField(
    0x0C00,
    {
        0x0000: (0, "not charging"),
        0x0800: (1, "float"),
        0x0400: (2, "boost"),
        0x0C00: (3, "equalisation"),
    },
)
SYSTEM_FAULT = StatusField(0x1000, {0x0000: (0, "ok"), 0x1000: (1, "fault")}, frozenset({1}))
RUNNING = StatusField(0x2000, {0x0000: (0, "standby"), 0x2000: (1, "running")})

# Input overcurrent (0x0040) has no sensor of its own and is reported here.
SHORT_CIRCUITS = StatusBits(
    (
        (0x0008, "charging FET short"),
        (0x0010, "charging anti-reverse FET short"),
        (0x0020, "anti-reverse FET short"),
        (0x0040, "input overcurrent"),
        (0x0200, "PV input short"),
    )
)
