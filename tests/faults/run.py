"""One run: gateways, a bad link and sudden deaths for some seconds, then the verdict."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import requests
from faults import plant
from faults.checker import Verdict, check
from faults.gateway import Gateways
from faults.maintenance import Maintenance
from faults.proxy import Proxy
from faults.registry_run import Downtimes, make_changes
from faults.registry_traffic import ChangingTraffic
from faults.watch import Watcher
from faults.world import World, together
from redis import RedisError

SENDERS = 4
RECOVERY_SECONDS = 90

# What is killed, and how often.
VICTIMS = {"web worker": 10, "PostgreSQL": 4, "PostgreSQL process": 3, "Redis": 3, "author": 3}
QUEUED_VICTIMS = {
    **VICTIMS,
    "Redis emptied": 3,
    "queue job": 10,  # or RQ's scheduler: the other process that a queue worker has
    "queue worker": 3,
}

# Bodies that are sent when nobody is there to process them, and asked for afterwards.
LAST_BODIES = 10
ASKED_FOR = 200


@dataclass
class Report:
    """What happened, and what the checker found.

    :param changes: acknowledged changes of the registry, by kind.
    :param notes: what befell their authors, and maintenance.
    :param folded: days of things that were folded.
    :param differing: where the registry is not what was ordered.
    :param wrong: replies that should never come.
    """

    seed: int
    seconds: float
    requests: int
    bodies: int
    acknowledged: int
    looks: int
    befell: Counter[str]
    kills: Counter[str]
    replies: Counter[str]
    changes: Counter[str]
    notes: Counter[str]
    folded: int
    deadlocks: int
    differing: list[str]
    wrong: list[str]
    verdict: Verdict

    @property
    def clean(self) -> bool:
        """Whether every promise was kept."""
        strange = self.wrong or self.differing or self.deadlocks
        return not strange and not self.verdict.faults()

    def __str__(self) -> str:
        cuts = {kind: n for kind, n in sorted(self.befell.items()) if kind != "passed"}
        v = self.verdict
        lines = [
            f"seed {self.seed}, {self.seconds:.0f} s of faults",
            f"requests      {self.requests} for {self.bodies} bodies, "
            f"{self.requests - self.bodies} of them retries",
            f"replies       {_counted(self.replies)}",
            f"link faults   {sum(cuts.values())}: {_counted(cuts)}",
            f"kills         {sum(self.kills.values())}: {_counted(self.kills)}",
            f"changes       {sum(self.changes.values())} of the registry: {_counted(self.changes)}",
            f"authors met   {_counted(self.notes)}",
            f"folded        {self.folded} days of things",
            f"acknowledged  {self.acknowledged} bodies, {v.samples} samples",
            f"found         {v.beliefs} beliefs, {v.quarantined} samples in quarantine, "
            f"{v.receipts} receipts; {self.looks} looks at the latest readings",
            f"lost {len(v.lost)}, half-written {len(v.half)}, double {len(v.double)}, "
            f"foreign {len(v.foreign)}, made up {len(v.invented)}, "
            f"out of order {len(v.disorder)}, stale {len(v.stale)}, "
            f"misplaced {len(v.misplaced)}, left waiting {len(v.waiting)}, "
            f"discarded unsaid {len(v.unsaid)}, untrue beliefs {len(v.untrue)}, "
            f"registry differs {len(self.differing)}, deadlocks {self.deadlocks}, "
            f"wrong receipts {len(v.untold)}, wrong replies {len(self.wrong)}",
        ]
        lines += [line for found in v.faults().values() for line in found]
        return "\n".join([*lines, *self.differing[:5], *self.wrong[:8]])


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items())) or "none"


@dataclass
class Killer:
    """Ends servers at moments of its own choosing."""

    world: World
    seed: int
    every: tuple[float, float]
    downtimes: Downtimes = field(default_factory=Downtimes)
    kills: Counter[str] = field(default_factory=Counter)
    stopping: threading.Event = field(default_factory=threading.Event)
    _restart: threading.Thread | None = None

    def run(self) -> None:
        """Kill one after another, until told to stop; all servers are up then."""
        chance = random.Random(f"{self.seed} deaths")
        victims = QUEUED_VICTIMS if self.world.workers else VICTIMS
        while not self.stopping.wait(chance.uniform(*self.every)):
            victim = chance.choices([*victims], [*victims.values()])[0]
            number, after = chance.randrange(60), chance.uniform(0, 1.5)
            period = self.downtimes.begin()
            try:
                if self._kill(victim, number, after):
                    self.kills[victim] += 1
            except RedisError:
                continue  # it is not there to be emptied
            finally:
                self.downtimes.end(period)
        if self._restart:
            self._restart.join()

    def _kill(self, victim: str, number: int, after: float) -> bool:
        world, workers = self.world, self.world.workers
        if victim == "web worker":
            world.kill_child(world.web, number)
        elif victim == "author":
            world.kill_child(world.authors, number)
        elif victim == "PostgreSQL process":
            world.kill_child(world.postgres, number)
        elif victim == "Redis emptied":
            world.empty_redis()
        elif victim in ("queue job", "queue worker") and self._restart and self._restart.is_alive():
            return False  # one of them is still starting, which takes long: leave the other
        elif victim == "queue job":
            world.kill_child(workers[number % len(workers)], number)
        elif victim == "queue worker":
            worker = workers[number % len(workers)]
            self._restart = _thread(lambda: world.restart(worker, after=after))
        else:
            world.restart(world.redis if victim == "Redis" else world.postgres, after=after)
        return True


def run(world: World, seconds: float, seed: int, every: tuple[float, float] = (0.5, 4)) -> Report:
    """Let gateways report under faults for some seconds, then without, and check.

    :param every: shortest and longest time between two deaths, in seconds.
    """
    proxy = Proxy(world.port, seed)
    traffics = [ChangingTraffic(number, seed) for number in range(len(world.accounts))]
    gateways = [
        Gateways(proxy.port, account, traffic.bodies(), bool(world.workers))
        for account, traffic in zip(world.accounts, traffics, strict=True)
    ]
    assert len(gateways) == len(plant.ORGANISATIONS)
    killer = Killer(world, seed, every)
    changes = make_changes(world, traffics, seed, killer.downtimes)
    senders = [_thread(g.run) for g in gateways for _ in range(SENDERS)]
    watcher = Watcher(world.uri)
    links, deaths, watch = map(_thread, (proxy.serve_forever, killer.run, watcher.run))
    maintenance = Maintenance(world.authors_port)
    keeper = _thread(maintenance.run)
    changes.start()
    time.sleep(seconds)
    killer.stopping.set()
    deaths.join()
    proxy.faulty = False
    changes.stop()
    _let_finish(gateways, senders)
    if world.workers:
        _leave_unattended(world, gateways)
    changes.finish()
    proxy.drain()
    proxy.shutdown()
    links.join()
    proxy.server_close()
    with suppress(TimeoutError):  # the checker says what is not done
        world.settle()
    watcher.stopping.set()
    maintenance.stopping.set()
    watch.join()
    keeper.join()
    sent = [g.sent for g in gateways]
    bodies = [body for g in gateways for body in g.sent]
    verdict = check(world.uri, changes.sites, sent)
    return Report(
        seed=seed,
        seconds=seconds,
        requests=sum(body.attempts for body in bodies),
        bodies=len(bodies),
        acknowledged=sum(body.acknowledged for body in bodies),
        looks=watcher.looks,
        befell=proxy.befell,
        kills=killer.kills,
        replies=sum((g.replies for g in gateways), Counter()),
        changes=changes.counts,
        notes=changes.notes.counts + maintenance.counts,
        folded=maintenance.folded,
        deadlocks=world.deadlocks(),
        differing=changes.differing(world.uri, verdict.docks),
        wrong=[
            *(wrong for g in gateways for wrong in g.wrong),
            *_never_taken(gateways),
            *watcher.backwards,
            *changes.notes.wrong,
            *maintenance.wrong,
            *_asked_for(world.port, gateways, seed),
        ],
        verdict=verdict,
    )


def _thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def _let_finish(gateways: list[Gateways], senders: list[threading.Thread]) -> None:
    """Without faults, everything that gateways still keep is taken soon."""
    for g in gateways:
        g.stopping.set()
    deadline = time.monotonic() + RECOVERY_SECONDS
    for sender in senders:
        sender.join(max(0, deadline - time.monotonic()))
    for g in gateways:
        g.give_up.set()
    for sender in senders:
        sender.join()


def _leave_unattended(world: World, gateways: list[Gateways]) -> None:
    """Accept some more while no worker runs, and lose the jobs: starting workers has to do."""
    for worker in world.workers:
        worker.kill()
    for g in gateways:
        g.give_up.clear()
        for _ in range(LAST_BODIES):
            g.deliver(g.take())
    world.empty_redis()
    together(*(worker.start for worker in world.workers))


def _asked_for(port: int, gateways: list[Gateways], seed: int) -> list[str]:
    """Ask as a gateway what became of some requests."""
    sent = [(g, body) for g in gateways for body in g.sent if body.receipts]
    wrong = []
    for g, body in random.Random(f"{seed} questions").sample(sent, min(len(sent), ASKED_FOR)):
        url = f"http://127.0.0.1:{port}/pms/api/v1/receipts/{body.receipts[-1]}"
        reply = requests.get(url, headers=g.credential(body), timeout=30)
        told = reply.json()
        if (reply.status_code, told["status"]) != (200, "PROCESSED"):
            wrong.append(f"Not told of {body.receipts[-1]}: {reply.text[:200]}")
    return wrong


def _never_taken(gateways: list[Gateways]) -> list[str]:
    return [
        f"Not acknowledged in the end: {body.text[:200]}"
        for g in gateways
        for body in g.sent
        if not body.acknowledged and not body.tries
    ]
