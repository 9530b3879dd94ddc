"""What the harness changes in the registry: groups of parts and places, and drawing changes.

Each group is apart from all others, so that its model needs no others. Both organisations have
the same ids, and other changes.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from faults.registry_model import EVER, NEVER, Model, Refused, Stay

PMS = "PMS-2"
BOARDS_CABINET, CASES_CABINET, SPARE_CABINET = f"{PMS}-A", f"{PMS}-B", f"{PMS}-C"
DOCKS = {BOARDS_CABINET: 16, CASES_CABINET: 16, SPARE_CABINET: 4}
BOARD, CASE = "acquisition-board", "case"

GROUPS = "JKL"
BOARDS_OF = {g: tuple(f"BOARD-{g}{n}" for n in range(1, 4)) for g in GROUPS}
CASES_OF = {g: tuple(f"CASE-{g}{n}" for n in range(1, 5)) for g in GROUPS}
# Cases that people move between docks, and cases that report from another dock now and then.
MOVERS = ("CASE-M1", "CASE-M2")
MOVER_DOCKS = tuple(f"{CASES_CABINET}/{dock}" for dock in range(1, 7))
HOPPERS = {f"CASE-H{n}": (2 * n + 5, 2 * n + 6) for n in range(1, 4)}
# Never registered: their samples wait until someone discards them.
BENCH = ("BENCH-1", "BENCH-2")

LONG_AGO = timedelta(seconds=120)


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a group.

    :param verb: as the command line and the forms call it, and the verdict counts it.
    :param model: where everything is after it.
    """

    verb: str
    kind: str
    part: str
    model: Model
    place: str | None = None
    other: str | None = None
    at: datetime | None = None
    since: datetime | None = None
    until: datetime | None = None

    def by_command(self) -> list[str]:
        """Return the command, without organisation, author and note."""
        if self.verb == "move-case":
            cabinet, dock = str(self.place).split("/")
            words = [self.verb, self.part, "--cabinet", cabinet, "--dock", dock]
        elif self.verb == "swap":
            words = [self.verb, self.part, str(self.other), "--kind", self.kind]
        else:
            words = [self.verb.split(" ")[0], self.part, "--kind", self.kind]
            words += ["--into", self.place] if self.place else []
        for name in ("at", "since", "until"):
            moment = getattr(self, name)
            words += [f"--{name}", moment.isoformat()] if moment else []
        return words

    def by_form(self, *, installed: bool) -> tuple[str, dict[str, str]]:
        """Return which form of the part it is, and its fields.

        :param installed: whether the part is anywhere now.
        """
        if self.verb == "move-case":
            cabinet, dock = str(self.place).split("/")
            fields = {"into": cabinet, "into_kind": "cabinet", "place": dock}
            return "move", {**fields, **self._times()}
        named = ("swap", "remove", "retire", "revive")
        do = self.verb if self.verb in named else "move" if installed else "install"
        do = "correct" if self.verb.startswith("correct") else do
        fields = {"into": self.place or ""} if do in ("move", "install", "correct") else {}
        fields |= {"new": self.other} if self.other else {}
        return do, {**fields, **self._times()}

    def on(self, model: Model) -> Model:
        """Return what a correction of the place makes of another model."""
        return model.correct(self.part, self.place, self.since, self.until)

    def fits_form(self, before: Model) -> bool:
        """Whether a page offers it: what is in no place now can't be removed from it."""
        if self.verb in ("swap", "remove", "move-case"):
            return is_installed(before, self.part)
        # Nor what is retired be installed, whatever was before.
        return self.verb != "install" or self.part not in before.retired

    def _times(self) -> dict[str, str]:
        moments = {name: getattr(self, name) for name in ("at", "since", "until")}
        return {name: at.isoformat() for name, at in moments.items() if at}


def is_installed(model: Model, part: str) -> bool:
    """Whether a part is somewhere until further notice."""
    stays = model.of(part)
    return bool(stays) and stays[-1].end == NEVER


@dataclass
class Known:
    """Since when something was known.

    :param sent: when the change was first sent.
    :param acknowledged: when somebody was told that it is done.
    :param order: the words of the command.
    """

    model: Model
    sent: datetime
    acknowledged: datetime
    order: str = ""

    def __str__(self) -> str:
        return f"{self.sent:%H:%M:%S.%f}-{self.acknowledged:%H:%M:%S.%f} {self.order}"


@dataclass
class Group:
    """Parts and places that only have to do with each other.

    :param lock: held by who changes it.
    :param known: all models so far, each with when it became known.
    :param differs: whether the registry was found to be another than the model.
    """

    kind: str
    parts: tuple[str, ...]
    places: tuple[str, ...]
    chance: random.Random
    model: Model
    lock: threading.Lock = field(default_factory=threading.Lock)
    known: list[Known] = field(default_factory=list)
    differs: bool = False
    _undo: tuple[str, str, datetime, datetime] | None = None

    @property
    def name(self) -> str:
        """The letter that its parts have in common."""
        return self.parts[0].partition("-")[2][0]

    def draw(self, now: datetime) -> Change | None:
        """Draw a change that the registry has to accept."""
        kinds = _BOARD_CHANGES if self.kind == BOARD else _CASE_CHANGES
        for _ in range(20):
            drawn = self.chance.choices([*kinds], [*kinds.values()])[0](self, now)
            if drawn is not None and drawn.model != self.model:
                return drawn
        return None

    def draw_two(self, now: datetime) -> tuple[Change, Change] | None:
        """Draw two corrections that may be made in any order, and at once."""
        drawn = (_correct_place(self, now), _correct_place(self, now))
        first, second = drawn
        return (first, second) if first and second else None

    def apply(self, change: Change, sent: datetime, acknowledged: datetime) -> None:
        """Note that a change was made."""
        self.model = change.model
        self.known.append(Known(change.model, sent, acknowledged, " ".join(change.by_command())))

    def last_orders(self, most: int) -> str:
        """Return what was ordered last, for who looks for the cause of a difference."""
        return "; ".join(str(known) for known in self.known[-most:])

    def _recently(self, now: datetime) -> datetime:
        """Draw a time: usually of the last seconds, and then among those of live samples."""
        longest = self.chance.choices([timedelta(seconds=15), LONG_AGO], [3, 1])[0]
        return now - self.chance.random() * longest + timedelta(milliseconds=1)

    def period(self, now: datetime) -> tuple[datetime, datetime]:
        """Draw a time with an end."""
        begin = self._recently(now)
        return begin, begin + timedelta(seconds=self.chance.uniform(2, 60))

    def _change(self, make: Callable[[], Model], verb: str, part: str, **told: object) -> Change:
        return Change(verb, self.kind, part, make(), **told)  # type: ignore[arg-type]


def _maybe(draw: Callable[[Group, datetime], Change]) -> Callable[[Group, datetime], Change | None]:
    def drawn(group: Group, now: datetime) -> Change | None:
        try:
            return draw(group, now)
        except Refused:
            return None

    return drawn


def _whole(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


@_maybe
def _swap(group: Group, now: datetime) -> Change:
    old, new = group.chance.sample(group.parts, 2)
    at = _whole(group._recently(now))
    return Change("swap", group.kind, old, group.model.swap(old, new, at), other=new, at=at)


@_maybe
def _install(group: Group, now: datetime) -> Change:
    part, place = group.chance.choice(group.parts), group.chance.choice(group.places)
    at = _whole(group._recently(now))
    verb = "move-case" if group.kind == CASE else "install"
    return Change(verb, group.kind, part, group.model.install(part, place, at), place, at=at)


@_maybe
def _remove(group: Group, now: datetime) -> Change:
    part, at = group.chance.choice(group.parts), _whole(group._recently(now))
    if group.model.where(part, at) is None:
        raise Refused
    verb = group.chance.choice(["remove", "remove", "retire"])
    after = group.model.retire if verb == "retire" else group.model.remove
    return Change(verb, group.kind, part, after(part, at), at=at)


@_maybe
def _revive(group: Group, _now: datetime) -> Change:
    part = group.chance.choice(group.parts)
    return Change("revive", group.kind, part, group.model.revive(part))


@_maybe
def _correct_place(group: Group, now: datetime) -> Change:
    part, place = group.chance.choice(group.parts), group.chance.choice(group.places)
    since, until = map(_whole, group.period(now))
    model = group.model.correct(part, place, since, until)
    group._undo = part, place, since, until
    return Change("correct place", group.kind, part, model, place, since=since, until=until)


@_maybe
def _correct_again(group: Group, _now: datetime) -> Change:
    """Correct what was corrected last once more: to another place, for the same time."""
    if group._undo is None:
        raise Refused
    part, before, since, until = group._undo
    place = group.chance.choice([place for place in group.places if place != before])
    model = group.model.correct(part, place, since, until)
    group._undo = part, place, since, until
    return Change("correct place again", group.kind, part, model, place, since=since, until=until)


@_maybe
def _correct_since(group: Group, now: datetime) -> Change:
    part, since = group.chance.choice(group.parts), _whole(group._recently(now))
    model = group.model.correct(part, None, since, None)
    return Change("correct since", group.kind, part, model, since=since)


@_maybe
def _correct_until(group: Group, now: datetime) -> Change:
    part, until = group.chance.choice(group.parts), _whole(group._recently(now))
    model = group.model.correct(part, None, None, until)
    return Change("correct until", group.kind, part, model, until=until)


_BOARD_CHANGES = {
    _swap: 20, _install: 20, _remove: 8, _revive: 8, _correct_place: 20, _correct_again: 15,
    _correct_since: 10, _correct_until: 7,
}  # fmt: skip
_CASE_CHANGES = {_install: 1}


def first_stays() -> Iterator[Stay]:
    """Yield where everything is at the start, since ever."""
    for group in GROUPS:
        for board, case in zip(BOARDS_OF[group], CASES_OF[group], strict=False):
            yield Stay(board, case)
    for case, place in zip(MOVERS, MOVER_DOCKS, strict=False):
        yield Stay(case, place)


def groups(chance: random.Random, begin: datetime) -> list[Group]:
    """Make the groups of an organisation, as they are at the start."""
    stays = [*first_stays()]
    shapes = [(BOARD, BOARDS_OF[g], CASES_OF[g]) for g in GROUPS]
    shapes.append((CASE, MOVERS, MOVER_DOCKS))
    made = []
    for kind, parts, places in shapes:
        model = Model({part: tuple(s for s in stays if s.part == part) for part in parts})
        own = random.Random(chance.random())
        made.append(Group(kind, parts, places, own, model, known=[Known(model, EVER, begin)]))
    return made
