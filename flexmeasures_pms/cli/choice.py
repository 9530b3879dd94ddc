"""Which samples in quarantine a command is about: the options, and what they choose."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import click

from flexmeasures_pms import identifiers
from flexmeasures_pms.catalogue.asset_types import DATASETS
from flexmeasures_pms.cli.common import F, organisation
from flexmeasures_pms.errors import UnknownId
from flexmeasures_pms.ingest.quarantine_reasons import REASONS
from flexmeasures_pms.storage.intake import quarantine, waiting
from flexmeasures_pms.storage.intake.waiting import By, QuarantineFilter

BY: Mapping[str, By] = {
    "reason": "reason",
    "pack": "pack_id",
    "device": "device_id",
    "sender": "sender",
    "dataset": "dataset",
}
"""The columns of the quarantine by the names of their options."""

OPTIONS = ", ".join(f"--{name}" for name in BY)


@dataclass(frozen=True, slots=True)
class Choice:
    """The samples that the options of a command choose, of one organisation or of several."""

    of: tuple[QuarantineFilter, ...]

    @property
    def narrows(self) -> bool:
        """Whether an option was given that chooses among the samples of an organisation."""
        return any(sought.among for sought in self.of)

    @property
    def owners(self) -> tuple[int, ...]:
        """The organisations."""
        return tuple(sought.account_id for sought in self.of)

    def discarded(self) -> Choice:
        """Return the same of the samples that were discarded, instead of those that wait."""
        return Choice(tuple(replace(sought, discarded=True) for sought in self.of))

    def number(self) -> int:
        """Return how many samples there are."""
        return sum(map(waiting.number, self.of))

    def numbers(self, ids: Collection[int]) -> Iterator[tuple[int, list[int]]]:
        """Yield the numbers of the samples by organisation, or of those with these numbers.

        :raises UnknownId: if no sample with one of the numbers is among them.
        """
        found = {
            sought.account_id: waiting.numbers(sought, among=ids or None) for sought in self.of
        }
        unknown = sorted(set(ids).difference(*found.values()))
        if unknown:
            named = ", ".join(map(str, unknown))
            if any(sought.discarded for sought in self.of):
                raise UnknownId(
                    f"No sample {named} was discarded: see `flexmeasures pms quarantine list "
                    "--discarded`."
                )
            raise UnknownId(f"No sample {named} waits: see `flexmeasures pms quarantine list`.")
        return ((owner, numbers) for owner, numbers in found.items() if numbers)


def choice_options(function: F) -> F:
    """Add ``--reason``, ``--pack`` and so on, with ``--account``: passed as ``choice``."""

    @functools.wraps(function)
    def run(*args: Any, account_id: int | None, **options: Any) -> None:
        among = {name: options.pop(name) for name in BY}
        function(*args, choice=_choice(account_id, among), **options)

    command: Callable[..., Any] = run
    for name, kind, metavar, text in reversed(_HELPS):
        command = click.option(
            f"--{name}", name, type=kind, metavar=metavar, multiple=True, help=text
        )(command)
    return command  # type: ignore[return-value]


_HELPS: tuple[tuple[str, click.ParamType[Any] | None, str | None, str], ...] = (
    ("reason", None, "CODE", "Only those with this reason; repeatable."),
    ("pack", None, "ID", "Only those of this pack, as it was sent; repeatable."),
    ("device", None, "ID", "Only those of this device; repeatable."),
    ("sender", None, "NAME", "Only those of this sender; repeatable."),
    ("dataset", click.Choice(DATASETS), None, "Only those of this dataset; repeatable."),
)


def _choice(account_id: int | None, given: Mapping[str, tuple[str, ...]]) -> Choice:
    among: dict[By, Collection[str]] = {
        BY[name]: _compared(name, values) for name, values in given.items() if values
    }
    owners = quarantine.organisations() if account_id is None else [organisation(account_id)]
    choice = Choice(tuple(QuarantineFilter(owner, among=among) for owner in owners))
    for code in given["reason"]:
        if code not in REASONS and not _has_reason(choice, code):
            raise click.BadParameter(
                f"'{code}' is none of {', '.join(REASONS)}.", param_hint="'--reason'"
            )
    return choice


def _has_reason(choice: Choice, code: str) -> bool:
    """Whether samples wait with a reason that an earlier version gave them."""
    return any(group.value == code for sought in choice.of for group in waiting.groups(sought))


def _compared(name: str, values: Collection[str]) -> list[str]:
    if name == "pack":
        return [*map(identifiers.board_key, values)]
    return [*map(identifiers.key, values)] if name == "device" else [*values]
