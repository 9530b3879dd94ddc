"""One run: gateways, a bad link and sudden deaths for some seconds, then the verdict."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from faults import plant
from faults.checker import Verdict, check
from faults.gateway import Gateways
from faults.proxy import Proxy
from faults.traffic import Traffic
from faults.world import World

SENDERS = 4
RECOVERY_SECONDS = 90

# What is killed, and how often.
VICTIMS = {"web worker": 10, "PostgreSQL": 4, "PostgreSQL process": 3, "Redis": 3}


@dataclass
class Report:
    """What happened, and what the checker found.

    :param wrong: replies that should never come.
    """

    seed: int
    seconds: float
    requests: int
    bodies: int
    acknowledged: int
    befell: Counter[str]
    kills: Counter[str]
    replies: Counter[str]
    wrong: list[str]
    verdict: Verdict

    @property
    def clean(self) -> bool:
        """Whether every promise was kept."""
        return not self.wrong and not self.verdict.faults()

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
            f"acknowledged  {self.acknowledged} bodies, {v.samples} samples",
            f"found         {v.beliefs} beliefs, {v.quarantined} samples in quarantine",
            f"lost {len(v.lost)}, half-written {len(v.half)}, double {len(v.double)}, "
            f"foreign {len(v.foreign)}, made up {len(v.invented)}, "
            f"wrong replies {len(self.wrong)}",
        ]
        lines += [line for found in v.faults().values() for line in found]
        return "\n".join([*lines, *self.wrong[:5]])


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items())) or "none"


@dataclass
class Killer:
    """Ends servers at moments of its own choosing."""

    world: World
    seed: int
    every: tuple[float, float]
    kills: Counter[str] = field(default_factory=Counter)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Kill one after another, until told to stop; all servers are up then."""
        chance = random.Random(f"{self.seed} deaths")
        while not self.stopping.wait(chance.uniform(*self.every)):
            victim = chance.choices([*VICTIMS], [*VICTIMS.values()])[0]
            if victim == "web worker":
                self.world.kill_worker(chance.randrange(10))
            elif victim == "PostgreSQL process":
                self.world.kill_backend(chance.randrange(20))
            else:
                service = self.world.redis if victim == "Redis" else self.world.postgres
                self.world.restart(service, after=chance.uniform(0, 1.5))
            self.kills[victim] += 1


def run(world: World, seconds: float, seed: int, every: tuple[float, float] = (0.5, 4)) -> Report:
    """Let gateways report under faults for some seconds, then without, and check.

    :param every: shortest and longest time between two deaths, in seconds.
    """
    proxy = Proxy(world.port, seed)
    gateways = [
        Gateways(proxy.port, account["token"], Traffic(number, seed).bodies())
        for number, account in enumerate(world.accounts)
    ]
    assert len(gateways) == len(plant.ORGANISATIONS)
    killer = Killer(world, seed, every)
    senders = [_thread(g.run) for g in gateways for _ in range(SENDERS)]
    links, deaths = _thread(proxy.serve_forever), _thread(killer.run)
    time.sleep(seconds)
    killer.stopping.set()
    deaths.join()
    proxy.faulty = False
    _let_finish(gateways, senders)
    proxy.drain()
    proxy.shutdown()
    links.join()
    proxy.server_close()
    world.settle()
    sent = [g.sent for g in gateways]
    bodies = [body for g in gateways for body in g.sent]
    verdict = check(world.uri, [a["id"] for a in world.accounts], sent)
    return Report(
        seed=seed,
        seconds=seconds,
        requests=sum(body.attempts for body in bodies),
        bodies=len(bodies),
        acknowledged=sum(body.acknowledged for body in bodies),
        befell=proxy.befell,
        kills=killer.kills,
        replies=sum((g.replies for g in gateways), Counter()),
        wrong=[wrong for g in gateways for wrong in g.wrong] + _never_taken(gateways),
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


def _never_taken(gateways: list[Gateways]) -> list[str]:
    return [
        f"Not acknowledged in the end: {body.text[:200]}"
        for g in gateways
        for body in g.sent
        if not body.acknowledged and not body.tries
    ]
