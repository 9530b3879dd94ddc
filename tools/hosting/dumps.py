"""What a dump of a database says, to be compared with another."""

from __future__ import annotations

import re
from collections.abc import Iterator

# What differs each time.
_RANDOM = re.compile(r"^(--|\\(un)?restrict |$)")
_COPY = re.compile(r"^COPY (\S+) \((.*)\) FROM stdin;$")


def statements(text: str) -> list[str]:
    """Return the lines that say something, in order of the alphabet."""
    return sorted(line for line in text.splitlines() if not _RANDOM.match(line))


def rows(text: str) -> list[str]:
    """Return rows with the names of their columns, whose order is none of theirs."""
    return sorted(_rows(text))


def _rows(text: str) -> Iterator[str]:
    table, columns = "", list[str]()
    for line in text.splitlines():
        if found := _COPY.match(line):
            table, columns = found[1], found[2].split(", ")
        elif line == r"\.":
            columns = []
        elif columns:
            fields = zip(columns, line.split("\t"), strict=True)
            yield f"{table}: " + "\t".join(sorted(f"{name}={value}" for name, value in fields))
        elif not _RANDOM.match(line):
            yield line
