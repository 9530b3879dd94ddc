"""What commands print: JSON, paragraphs that fit a terminal, times on the site's clock."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Any

import click
import msgspec

from flexmeasures_pms.registry.messages.moments import on_clock
from flexmeasures_pms.registry.queries.clocks import site_clock

WIDTH = 80
"""Columns of a terminal."""

# A word that is longer than a line, such as an id, is not cut.
_filler = partial(textwrap.TextWrapper, WIDTH, break_long_words=False, break_on_hyphens=False)


def print_json(value: Any) -> None:
    """Print one document on one line."""
    click.echo(msgspec.json.encode(value))


def print_json_array(values: Iterable[Any]) -> None:
    """Print one array, each of its values on a line, as they come."""
    before = b"["
    for value in values:
        click.echo(before + b"\n" + msgspec.json.encode(value), nl=False)
        before = b","
    click.echo("[]" if before == b"[" else "\n]")


def paragraph(*texts: str, indent: int = 0) -> str:
    """Return texts as lines that fit a terminal, all but the first indented.

    Each text begins a line of its own.
    """
    first, later = "", " " * indent
    lines: list[str] = []
    for text in texts:
        lines += _filler(initial_indent=first, subsequent_indent=later).wrap(text)
        first = later
    return "\n".join(lines)


def wrapped(text: str) -> str:
    """Return a text in lines that fit a terminal; ids and times stay whole, lines of notes too."""
    return "\n".join(map(_wrapped, text.split("\n")))


def _wrapped(line: str) -> str:
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return _filler(subsequent_indent=indent, expand_tabs=False, replace_whitespace=False).fill(line)


class SiteClock:
    """Times as the clocks at the sites of an organisation show them.

    An organisation with sites in several time zones, or none, has UTC.
    """

    def __init__(self) -> None:
        """Start with no organisation: the zone of each is read when it is needed."""
        self._zones: dict[int, str] = {}

    def __call__(self, at: datetime, account_id: int) -> str:
        """Return a time to the second, with its offset from UTC, as options take it."""
        if account_id not in self._zones:
            self._zones[account_id] = site_clock(account_id)
        return on_clock(at, self._zones[account_id]).isoformat(timespec="seconds")
