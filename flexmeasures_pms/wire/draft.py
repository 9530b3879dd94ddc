"""A sample or the head of a dataset that is being read."""

from __future__ import annotations

from typing import Any

from flexmeasures_pms.errors import Problem
from flexmeasures_pms.wire.numerals import BARE
from flexmeasures_pms.wire.spellings import ESSENTIAL, STATUS_CODES

SHOWN = 40
MOST_PROBLEMS = 50
"""Problems of one sample that are described; more are only counted."""


def shown(value: Any) -> str:
    """Return an offending value for people: printable and cut short."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "an array"
    text = str(value).removeprefix(BARE)
    text = "".join(c if c.isprintable() else "�" for c in text[: SHOWN + 1])
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def said_twice(key: str) -> str:
    """Return what is wrong with a key that an object has twice."""
    return f"An object has the key {shown(key)!r} twice. Send it once."


class Draft:
    """The values read so far, and the problems of the others.

    A sample needs a time and ids: without them it is invalid. Any other field that can't be
    read is a missing field, and the rest of the sample is used.

    :param path: where the sample is in the request.
    :param columns: the array elements are columns of a CSV file, ``cell.volts.1``.
    :param most: problems that are described; the first that makes it invalid always is.
    """

    __slots__ = (
        "columns", "contradicted", "faulty", "ignored", "invalid", "more_faulty", "more_invalid",
        "most", "path", "refused", "values", "warnings",
    )  # fmt: skip

    def __init__(self, path: str, *, columns: bool = False, most: int = MOST_PROBLEMS) -> None:
        """Start empty."""
        self.path = path
        self.columns = columns
        self.most = min(most, MOST_PROBLEMS)
        self.values: dict[str, Any] = {}
        self.refused: set[str] = set()
        self.contradicted: set[str] = set()
        self.invalid: list[Problem] = []
        self.faulty: list[Problem] = []
        self.warnings: list[Problem] = []
        self.more_faulty = self.more_invalid = 0
        self.ignored = 0

    def place(self, where: str, index: int | None = None) -> str:
        """Return the path of an attribute, or of one element of it, in the request."""
        element = "" if index is None else f".{index + 1}" if self.columns else f"[{index}]"
        return f"{self.path}.{where}{element}"

    def keep(self, field: str, where: str, value: Any) -> None:
        """Keep a value; a value from another spelling must be the same."""
        if value is None or (self.contradicted and field in self.contradicted):
            return
        first = self.values.setdefault(field, value)
        if first is not value and first != value:
            self._contradict(field, where, value, first)

    def _contradict(self, field: str, where: str, value: Any, first: Any) -> None:
        message = (
            f"{shown(value)!r} contradicts {shown(first)!r}, sent under another name "
            f"for {field}. Send one of them."
        )
        if field not in ESSENTIAL:
            self.contradicted.add(field)
            del self.values[field]
        self.refuse(field, where, value, message, code="contradicting_values")

    def refuse(
        self,
        field: str,
        where: str,
        value: Any,
        message: str,
        *,
        code: str = "invalid_value",
        index: int | None = None,
    ) -> None:
        """Note a value that can't be read.

        :param field: without one of :data:`~flexmeasures_pms.wire.spellings.ESSENTIAL` the
            sample is invalid; a status is unknown; any other field is left out.
        """
        if field in ESSENTIAL:
            self.refused.add(field)
            self.spoil(self.place(where, index), code, message, value)
        elif field in STATUS_CODES:
            self.warn(where, "unknown_status", f"{message} The status is unknown.", value)
        else:
            message = f"{message} It is left out."
            self._fault(self.place(where, index), code, message, value)

    def leave_out(self, where: str, value: Any, message: str, index: int | None = None) -> None:
        """Note a reading that is left out while the rest of the sample is used."""
        self._fault(self.place(where, index), "faulty_value", message, value)

    def _fault(self, place: str, code: str, message: str, value: Any) -> None:
        if len(self.faulty) < self.most:
            self.faulty.append(Problem(place, code, message, shown(value)))
        else:
            self.more_faulty += 1

    def spoil(self, place: str, code: str, message: str, value: Any = "") -> None:
        """Note why the sample can't be used."""
        if len(self.invalid) < max(1, self.most):
            self.invalid.append(Problem(place, code, message, shown(value)))
        else:
            self.more_invalid += 1

    def warn(self, where: str, code: str, message: str, value: Any = "") -> None:
        """Note a warning about something that was read."""
        if len(self.warnings) < self.most:
            self.warnings.append(Problem(self.place(where), code, message, shown(value)))
