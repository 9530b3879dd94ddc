"""Things whose samples arrive before they are registered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from faults import registry_plan as plan

PREFIX = "LATE"
KINDS = ("case", "board", "another spelling", "PMS before case", "case before PMS")


@dataclass(frozen=True, slots=True)
class Order:
    """One registration, as a command and as a form.

    :param command: without organisation, author and note.
    :param kind: of the form.
    :param fields: of the form.
    """

    command: tuple[str, ...]
    kind: str
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class Latecomer:
    """A case, with a board or a PMS of its own or without.

    :param number: counts them; what is registered is named by it.
    """

    number: int

    @property
    def kind(self) -> str:
        """What is registered late."""
        return KINDS[self.number % len(KINDS)]

    @property
    def pms(self) -> str:
        """Which PMS reports it."""
        return f"PMS-{PREFIX}{self.number}" if "PMS" in self.kind else plan.PMS

    @property
    def case(self) -> str:
        """Where its samples belong."""
        return f"CASE-{PREFIX}{self.number}"

    @property
    def pack(self) -> str:
        """The id in its samples."""
        named = {"board": "BOARD", "another spelling": "ALIAS"}.get(self.kind, "CASE")
        return f"{named}-{PREFIX}{self.number}"

    @property
    def board(self) -> str | None:
        """The id of the board that its samples name, by one of its spellings."""
        return f"BOARD-{PREFIX}{self.number}" if self.pack != self.case else None

    def orders(self) -> Iterator[Order]:
        """Yield the registrations, in order."""
        words, fields = ["register-case", self.case], {"ident": self.case}
        if self.board:
            words += ["--board", self.board]
            fields["board"] = self.board
        if self.kind == "another spelling":
            words += ["--board-alias", self.pack]
            fields["alias"] = self.pack
        case = Order((*words,), "case", fields)
        pms = Order(
            ("register-pms", self.pms, "--timezone", "Asia/Jakarta"),
            "pms",
            {"ident": self.pms, "timezone": "Asia/Jakarta"},
        )
        if self.kind == "PMS before case":
            yield from (pms, case)
        elif self.kind == "case before PMS":
            yield from (case, pms)
        else:
            yield case


def latecomer_of(pack: str) -> Latecomer | None:
    """Return whose pack id this is."""
    _, found, number = pack.partition(f"-{PREFIX}")
    return Latecomer(int(number)) if found else None
