"""The demo from start to stop."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import Popen

from flexmeasures_pms.demo import printout
from flexmeasures_pms.demo.account import ServerError
from flexmeasures_pms.demo.gateway import (
    CATCH_UP_READINGS,
    CATCH_UP_STEP,
    STEP,
    PostedCounts,
    SimulatedGateway,
    Unstored,
    paced,
)
from flexmeasures_pms.demo.log import DemoLog
from flexmeasures_pms.demo.maintenance import maintained
from flexmeasures_pms.demo.once import compare, table
from flexmeasures_pms.demo.postgres import postgres_home
from flexmeasures_pms.demo.reader import FlexMeasures
from flexmeasures_pms.demo.servers import servers
from flexmeasures_pms.demo.settings import environment, write_config
from flexmeasures_pms.demo.store import (
    LONGEST_OUTAGE,
    Access,
    SentHistory,
    history,
    keep,
    recall,
    site_now,
    whole_minute,
)
from flexmeasures_pms.demo.valkey import free_port
from flexmeasures_pms.demo.web import ensure_free, web_server
from flexmeasures_pms.simulator import SimulatedRequest, Site
from flexmeasures_pms.simulator.site import SIMULATED

DAY = timedelta(days=1)
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo.

    :param url: its address, without a path.
    :param environment: with which ``flexmeasures`` commands reach it.
    :param process: the web server.
    """

    data_dir: Path
    url: str
    access: Access
    database_uri: str
    environment: dict[str, str]
    process: Popen[str]

    def as_json(self) -> str:
        """Return in one line what programs need to use the demo."""
        return json.dumps(
            {
                "url": self.url,
                "email": self.access.email,
                "password": self.access.password,
                "auth_token": self.access.auth_token,
                "account_id": self.access.account_id,
                "database_uri": self.database_uri,
                "env": self.environment,
            }
        )


@contextmanager
def started(data_dir: Path, port: int, say: Say) -> Iterator[Demo]:
    """Run the demo for the time of the block: servers, organisation, registry, web.

    :param port: of FlexMeasures; 0 for any that is free.
    :param say: called with each line of progress.
    :raises ServerError: when something does not start.
    """
    data_dir = data_dir.resolve()
    port = port or free_port()
    ensure_free(port)
    say(f"Starting PostgreSQL and Valkey, with their data in {data_dir} ...")
    if (home := postgres_home(data_dir)) != data_dir:
        say(f"PostgreSQL's are in {home}: its system user can't enter {data_dir}.")
    with servers(data_dir) as found:
        write_config(data_dir, found)
        variables = environment(data_dir, found)
        first = recall(data_dir, Access) is None
        say(
            "Starting FlexMeasures"
            + (", for the first time: making tables, users and a site" if first else "")
            + " ... (some 20 seconds)"
        )
        with web_server(data_dir, port, variables) as process, maintained(data_dir, variables):
            access = recall(data_dir, Access)
            if access is None:
                raise ServerError(f"The web server left no access in {data_dir}: see web.log.")
            url = f"http://localhost:{port}"
            yield Demo(data_dir, url, access, found.database_uri, variables, process)


def run_once(demo: Demo, log: DemoLog) -> bool:
    """Post the first day at once, a reading a minute, and return whether it can be read back."""
    sent = history(demo.data_dir, site_now())
    start, layout = sent.since, sent.layout()
    requests = list(
        Site(layout).requests(
            start, start + DAY, CATCH_UP_STEP, samples_per_request=CATCH_UP_READINGS
        )
    )
    log.say(f"Posting {start:%A %d %B %Y}, a reading a minute, in {len(requests)} requests ...")
    counts = SimulatedGateway(demo.url, demo.access.auth_token, log.note).post_all(requests)
    _sent_until(demo, sent, requests[-1])
    log.say(printout.receipts(counts))
    log.say("Reading some of it back through FlexMeasures' own API ...")
    reader = FlexMeasures(demo.url, demo.access.auth_token)
    rows = compare(requests, layout, start, reader, demo.access.account_id)
    log.say(table(rows))
    agree = all(row.agrees for row in rows) and counts.quarantined + counts.refused == 0
    log.say("All that was sent was found." if agree else "What was found is NOT what was sent.")
    return agree


def simulate(demo: Demo, log: DemoLog) -> None:
    """Post the readings of the simulated site, until interrupted.

    After a pause it first sends, as a gateway after an outage, what it measured meanwhile.

    :raises ServerError: when the web server ends or refuses.
    """
    gateway = SimulatedGateway(demo.url, demo.access.auth_token, log.note)
    unstored = Unstored(log)
    sent = history(demo.data_dir, site_now())
    site, now = Site(sent.layout()), whole_minute(site_now())
    begin = max(whole_minute(sent.until), now - LONGEST_OUTAGE)
    if begin < now:
        log.say(f"Sending what the site measured since {begin:%d %B %H:%M}, a reading a minute ...")
        counts = PostedCounts()
        for request in site.requests(
            begin, now, CATCH_UP_STEP, samples_per_request=CATCH_UP_READINGS
        ):
            counts.add(gateway.post(request))
            _sent_until(demo, sent, request)
        log.say(printout.receipts(counts))
    log.say(f"The site reports every {STEP.seconds} seconds. Ctrl-C stops it.")
    for request in paced(site.requests(now, datetime.max.replace(tzinfo=UTC), STEP)):
        try:
            unstored.add(gateway.post(request))
        except ServerError as error:
            raise error if demo.process.poll() is None else stopped(demo) from error
        _sent_until(demo, sent, request)
        if demo.process.poll() is not None:
            raise stopped(demo)


def stopped(demo: Demo) -> ServerError:
    """Return the error that FlexMeasures has ended by itself."""
    code, log = demo.process.poll(), demo.data_dir / "web.log"
    return ServerError(f"FlexMeasures has stopped (exit code {code}): see {log}.")


def _sent_until(demo: Demo, sent: SentHistory, request: SimulatedRequest) -> None:
    """Store how far the site has reported, once all its devices have reported a moment."""
    if request.dataset == SIMULATED[-1] and request.time > sent.until:
        sent.until = request.time
        keep(demo.data_dir, sent)
