"""What authors do all day: draw a task, do it, and note since when it is known."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import quote

import psycopg2
from faults import registry_plan as plan
from faults.registry_authors import PAUSE, Commands, Done, Form, Forms, Task, perform
from faults.registry_checks import believed, told
from faults.registry_late import Latecomer, Order
from faults.registry_model import Model, Refused, Stays
from faults.registry_plan import Change, Group
from faults.registry_site import Discard, Site

# What an author does next, and how often.
CHORES = {"group": 60, "two_at_once": 8, "latecomer": 20, "replay": 6, "discard": 8, "details": 6}
PAUSES = (0.02, 0.2)
MOST_REPLAYED, MOST_DISCARDED = 40, 3
LAST_ORDERS = 6

_WAITING = """
    SELECT id FROM pms_quarantine
    WHERE account_id = %s AND discarded_at IS NULL AND pack_id LIKE %s
    ORDER BY random() LIMIT %s"""


@dataclass
class Author:
    """Someone who changes an organisation's registry, by commands or by forms.

    :param colleague: who makes another change of the same boards at once, now and then; whoever
        has its lock may ask for that.
    """

    site: Site
    way: Commands | Forms
    colleague: Commands
    uri: str
    chance: random.Random
    stopping: threading.Event
    give_up: threading.Event
    differs: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Do one thing after another until told to stop, then register what is left."""
        while not self.stopping.wait(self.chance.uniform(*PAUSES)):
            chore = self.chance.choices([*CHORES], [*CHORES.values()])[0]
            try:
                getattr(self, f"_{chore}")()
            except psycopg2.Error:
                continue  # PostgreSQL is away: the author would not see what waits

    def finish(self) -> None:
        """Register everything whose samples have arrived."""
        while (late := self.site.take_latecomer()) is not None:
            self._register(late)

    def _perform(self, task: Task) -> Done | None:
        done = perform(self.way, task, self.give_up.is_set)
        if done is not None:
            self.site.count(f"{task.what} by {'form' if self._by_form else 'command'}")
        return done

    @property
    def _by_form(self) -> bool:
        return isinstance(self.way, Forms)

    def _group(self) -> None:
        group = self.site.take_group()
        if group is None:
            return
        try:
            change = group.draw(self.site.traffic.now)
            if change is not None and (not self._by_form or change.fits_form(group.model)):
                self._change(group, change)
        finally:
            self.site.release_group(group)

    def _change(self, group: Group, change: Change) -> None:
        done = self._perform(_task_of(group.model, change))
        if done is not None:
            group.apply(change, _clock(done.sent), _clock(done.acknowledged))
        self._compare(group, change)

    def _two_at_once(self) -> None:
        """Make two corrections of one group at once: one of both orders is what happened."""
        if not self.site.colleague.acquire(blocking=False):
            return
        try:
            if (group := self.site.take_boards()) is not None:
                self._correct_both(group)
        finally:
            self.site.colleague.release()

    def _correct_both(self, group: Group) -> None:
        try:
            both = group.draw_two(self.site.traffic.now)
            if both is None:
                return
            done: list[Done | None] = []
            other = _task_of(group.model, both[1])
            thread = threading.Thread(
                target=lambda: done.append(perform(self.colleague, other, self.give_up.is_set))
            )
            thread.start()
            done.append(self._perform(_task_of(group.model, both[0])))
            thread.join()
            self._settle_both(group, both, [one for one in done if one])
        finally:
            self.site.release_group(group)

    def _settle_both(self, group: Group, both: tuple[Change, Change], done: Sequence[Done]) -> None:
        one, other = both
        orders = [*_alternating(one, other, group.model), *_alternating(other, one, group.model)]
        found = self._found(group)
        made = [m for m in orders if found == {part: m.of(part) for part in group.parts}]
        if len(done) == 2 and made:
            self.site.count("two corrections at once")
            sent, known = min(d.sent for d in done), max(d.acknowledged for d in done)
            group.apply(replace(one, model=made[0]), _clock(sent), _clock(known))
        else:
            self._differ(group, both, found, orders[0] if orders else group.model)

    def _compare(self, group: Group, change: Change) -> None:
        """What is believed now is what the model says, while nobody else changes the group."""
        found = self._found(group)
        if found != {part: group.model.of(part) for part in group.parts}:
            self._differ(group, [change], found, group.model)

    def _found(self, group: Group) -> dict[str, Stays]:
        """Look where the parts of a group are believed to be, as soon as PostgreSQL answers."""
        while True:
            try:
                return believed(self.uri, self.site.account, group.parts)
            except psycopg2.Error:
                if self.give_up.is_set():
                    raise
                time.sleep(PAUSE)

    def _differ(
        self, group: Group, changes: Sequence[Change], found: dict[str, Stays], model: Model
    ) -> None:
        group.differs = True
        words = "; ".join(" ".join(change.by_command()) for change in changes)
        parts = [part for part in group.parts if found[part] != model.of(part)]
        self.differs += [
            f"{self.site.account} after {words}: {told(found[part])} is registered of {part}, "
            f"but {told(model.of(part))} was ordered. Before: {group.last_orders(LAST_ORDERS)}"
            for part in parts
        ]

    def _latecomer(self) -> None:
        if (late := self.site.take_latecomer()) is not None:
            self._register(late)

    def _register(self, late: Latecomer) -> None:
        done = [self._perform(_registration(late, order)) for order in late.orders()]
        if all(done):
            self.site.registered.add(late.number)

    def _replay(self) -> None:
        ids = self._waiting(self.chance.choice(["BOARD-%", "CASE-%", "%"]), MOST_REPLAYED)
        if ids:
            words = ["quarantine", "replay", *(w for i in ids for w in ("--id", str(i)))]
            self._quarantine("replay", words, ids)

    def _discard(self) -> None:
        """Discard what will never be stored; one author at a time."""
        with self.site.discarding:
            ids = self._waiting("BENCH-%", MOST_DISCARDED)
            if not ids:
                return
            words = ["quarantine", "discard", *(w for i in ids for w in ("--id", str(i)))]
            if (done := self._quarantine("discard", words, ids)) is not None:
                discard = Discard((*ids,), done.sent, done.acknowledged)
                self.site.discards.append(discard)

    def _quarantine(self, action: str, words: list[str], ids: list[int]) -> Done | None:
        ticked: dict[str, str | list[str]] = {
            "action": action,
            "which": "ticked",
            "id": [str(i) for i in ids],
        }
        return self._perform(Task(action, (*words,), Form("/pms/quarantine", ticked)))

    def _waiting(self, like: str, most: int) -> list[int]:
        with closing(psycopg2.connect(self.uri)) as connection, connection.cursor() as cursor:
            cursor.execute(_WAITING, (self.site.account, like, most))
            return [number for (number,) in cursor.fetchall()]

    def _details(self) -> None:
        cabinet = plan.SPARE_CABINET
        with self.site.details:
            docks = self.chance.choice([n for n in range(1, 17) if n != self.site.docks])
            words = ("correct", cabinet, "--kind", "cabinet", "--docks", str(docks))
            form = Form(f"/pms/registry/cabinet/{cabinet}?do=correct", {"docks": str(docks)})
            if self._perform(Task("details", words, form)) is not None:
                self.site.docks = docks


def _alternating(one: Change, other: Change, before: Model) -> Iterator[Model]:
    """Yield what two corrections may come to of which one was made first.

    Who was not told of the outcome makes a correction again, perhaps after the other one.
    """
    # A correction that does not fit any more was not made again.
    with suppress(Refused):
        model = one.on(before)
        for again in (other, one, other, one):
            model = again.on(model)
            yield model


def _task_of(model: Model, change: Change) -> Task:
    do, fields = change.by_form(installed=plan.is_installed(model, change.part))
    path = f"/pms/registry/{change.kind}/{quote(change.part)}?do={do}"
    return Task(change.verb, (*change.by_command(),), Form(path, {**fields}))


def _registration(late: Latecomer, order: Order) -> Task:
    form = Form(f"/pms/registry/register?kind={order.kind}", {**order.fields})
    return Task(f"register {late.kind}", order.command, form)


def _clock(moment: float) -> datetime:
    """Return a time of :func:`time.monotonic` by the clock on the wall."""
    return datetime.fromtimestamp(time.time() - time.monotonic() + moment, UTC)
