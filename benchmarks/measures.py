"""The measurements: each gives (beliefs, milliseconds, milliseconds of the limit)."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any

import psycopg2
import requests

from benchmarks import ways
from benchmarks.platform import Platform
from flexmeasures_pms.simulator import SimulatedRequest, Site, fleet_layout

Figures = tuple[int, float, float]
Measurement = Callable[[Platform], Figures]

LAYOUT = fleet_layout(4, 4, 12)
ONE_PMS = fleet_layout(1, 4, 12)
STEP = timedelta(seconds=5)
# The copied rows are newer than all earlier ones, as those of gateways are: the position of a
# row in an index affects its cost.
SHIFT, BETWEEN = timedelta(days=1), STEP / 2
WARM_UP = 3
# Each measurement has its own period: none overlaps another's readings.
_turns = count()


def _start() -> datetime:
    return datetime(2025, 1, 3, 5, tzinfo=UTC) + timedelta(days=15) * next(_turns)


def timed(work: Callable[[], object]) -> float:
    """Return how many milliseconds something takes."""
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


def _samples(start: datetime, packs: int, *, per_request: int = 1) -> Iterator[SimulatedRequest]:
    """Yield requests of the first packs of a PMS."""
    end = start + STEP * 100_000
    for request in Site(ONE_PMS).requests(start, end, STEP, samples_per_request=per_request):
        if request.dataset == "pms":
            yield request if packs == 48 else _first_packs(request, packs)


def _first_packs(request: SimulatedRequest, packs: int) -> SimulatedRequest:
    first = json.loads(request.body)["datasets"][0]
    known = list(dict.fromkeys(sample["pack"]["id"] for sample in first["data"]))[:packs]
    first["data"] = [sample for sample in first["data"] if sample["pack"]["id"] in known]
    body = json.dumps({"datasets": [first]}, separators=(",", ":")).encode()
    return SimulatedRequest(request.dataset, body, request.time, len(first["data"]))


def _in_turns(platform: Platform, requests_: Iterator[SimulatedRequest], rounds: int) -> Figures:
    """Post requests one by one, and copy the rows of each after it."""
    beliefs, http, copies = [], [], []
    database = psycopg2.connect(platform.database_uri)
    with platform.web(1) as url:
        session = ways.gateway(platform.key)
        begin = datetime(2000, 1, 1, tzinfo=UTC)
        for number, request in enumerate(islice(requests_, rounds + WARM_UP)):
            taken = timed(partial(ways.post, session, url, request.body))
            begin = begin if number else request.time - timedelta(hours=1)
            rows = [
                row
                for row in ways.rows_between(database, begin, request.time)
                if not (row[0] - request.time) % STEP  # the others were copied
            ]
            begin = request.time + timedelta(milliseconds=1)
            copied = timed(partial(ways.copy, database, ways.as_text(rows, BETWEEN)))
            if number >= WARM_UP:
                beliefs.append(len(rows))
                http.append(taken)
                copies.append(copied)
    database.close()
    return int(statistics.median(beliefs)), statistics.median(http), statistics.median(copies)


def sample_over_http(packs: int, rounds: int) -> Measurement:
    """Measure one sample of some packs, as it comes every 5 seconds."""
    return lambda platform: _in_turns(platform, _samples(_start(), packs), rounds)


def backlog_over_http(rounds: int) -> Measurement:
    """Measure 100 samples of 12 packs in one request, as after an outage."""
    return lambda platform: _in_turns(platform, _samples(_start(), 12, per_request=100), rounds)


def sample_as_set(rounds: int, beliefs: str) -> Measurement:
    """Measure a 48-pack sample recorded as the catalogue says, and a COPY of all its readings.

    :param beliefs: the setting ``PMS_BELIEFS``.
    """

    def measure(platform: Platform) -> Figures:
        rows = _one_sample(platform)
        http, copies = [], []
        database = psycopg2.connect(platform.database_uri)
        with platform.web(1, recording="", beliefs=beliefs) as url:
            session = ways.gateway(platform.key)
            for number, request in enumerate(islice(_samples(_start(), 48), rounds + WARM_UP)):
                taken = timed(partial(ways.post, session, url, request.body))
                text = ways.as_text(rows, request.time - rows[0][0] + BETWEEN)
                copied = timed(partial(ways.copy, database, text))
                if number >= WARM_UP:
                    http.append(taken)
                    copies.append(copied)
        database.close()
        return len(rows), statistics.median(http), statistics.median(copies)

    return measure


def queued(rounds: int, *, worked_off: bool) -> Measurement:
    """Measure 48-pack samples that are kept for workers.

    :param worked_off: the time that a worker takes for one, not the gateway's until its 202.
    """

    def measure(platform: Platform) -> Figures:
        from flexmeasures_pms.ingest.journal_worker import drain

        begin = _start()
        bodies = [request.body for request in islice(_samples(begin, 48), rounds + WARM_UP)]
        with platform.web(1, mode="queued") as url:
            session = ways.gateway(platform.key)
            accepted = [timed(partial(ways.post, session, url, body)) for body in bodies]
        with platform.app.app_context():
            done = timed(partial(drain, 600.0)) / len(bodies)
        database = psycopg2.connect(platform.database_uri)
        rows = ways.rows_between(database, begin, begin)
        texts = [ways.as_text(rows, SHIFT + STEP * number) for number in range(rounds)]
        copies = [timed(partial(ways.copy, database, text)) for text in texts]
        database.close()
        taken = done if worked_off else statistics.median(accepted[WARM_UP:])
        return len(rows), taken, statistics.median(copies)

    return measure


def four_clients(rounds: int, workers: int, threads: int, *, own_pms: bool) -> Measurement:
    """Measure 48-pack samples of four gateways that send at once to some workers.

    :param own_pms: each sends for a PMS of its own, not all of them for one.
    """

    def measure(platform: Platform) -> Figures:
        start = _start()
        shares = _own_shares(start, rounds + 2) if own_pms else _shares_of_one(start, rounds + 2)
        with platform.web(workers, threads=threads) as url, ThreadPoolExecutor(4) as pool:
            sessions = [ways.gateway(platform.key) for _ in range(4)]

            def send(number: int, bodies: list[bytes]) -> None:
                for body in bodies:
                    ways.post(sessions[number], url, body)

            def send_all(shares: list[list[bytes]]) -> None:
                list(pool.map(send, range(4), shares))

            send_all([bodies[:2] for bodies in shares])
            taken = timed(partial(send_all, [bodies[2:] for bodies in shares])) / (rounds * 4)
        database = psycopg2.connect(platform.database_uri)
        moment = start + STEP * (2 if own_pms else 8)
        rows = ways.rows_between(database, moment, moment)
        rows = rows[: len(rows) // 4] if own_pms else rows
        texts = [ways.as_text(rows, SHIFT + STEP * number) for number in range(rounds)]
        copies = [timed(partial(ways.copy, database, text)) for text in texts]
        database.close()
        return len(rows), taken, statistics.median(copies)

    return measure


def _own_shares(start: datetime, samples: int) -> list[list[bytes]]:
    requests = Site(LAYOUT).requests(start, start + STEP * samples, STEP)
    bodies = [request.body for request in requests if request.dataset == "pms"]
    return [bodies[number::4] for number in range(4)]


def _shares_of_one(start: datetime, samples: int) -> list[list[bytes]]:
    bodies = [request.body for request in islice(_samples(start, 48), samples * 4)]
    return [bodies[number::4] for number in range(4)]


def ingest_of_a_day(rounds: int) -> Measurement:
    """Measure files with a day of 12 packs, and a COPY of the rows in batches of their size."""

    def measure(platform: Platform) -> Figures:
        each = [_ingest_of_a_day(platform) for _ in range(rounds)]
        beliefs, taken, limits = zip(*each, strict=True)
        return beliefs[0], statistics.median(taken), statistics.median(limits)

    return measure


def _ingest_of_a_day(platform: Platform) -> Figures:
    from flexmeasures_pms.config import settings
    from flexmeasures_pms.ingest.files import BATCH, ingest_file

    start, account = _start(), platform.account_id
    with tempfile.TemporaryDirectory() as folder, platform.app.app_context():
        file = Path(folder) / "day.jsonl"
        with file.open("wb") as lines:
            day = Site(ONE_PMS).requests(start, start + timedelta(days=1), timedelta(minutes=1))
            for request in day:
                if request.dataset == "pms":
                    lines.write(_first_packs(request, 12).body + b"\n")
        receipts = ingest_file(
            file, "pms", account_id=account, settings=settings(), progress=lambda _: None
        )
        taken = timed(partial(list, receipts))
    database = psycopg2.connect(platform.database_uri)
    rows = ways.rows_between(database, start, start + timedelta(days=1))
    size = BATCH * len(rows) // (1440 * 12)
    texts = [ways.as_text(rows[i : i + size], SHIFT) for i in range(0, len(rows), size)]
    limit = timed(lambda: _copy_all(database, texts))
    database.close()
    return len(rows), taken, limit


def _copy_all(database: Any, texts: Iterable[str]) -> None:
    for text in texts:
        ways.copy(database, text)


def _one_sample(platform: Platform) -> list[ways.Row]:
    """Store a 48-pack sample and return its rows."""
    request = next(_samples(_start(), 48))
    database = psycopg2.connect(platform.database_uri)
    with platform.web(1) as url:
        ways.post(ways.gateway(platform.key), url, request.body)
    rows = ways.rows_between(database, request.time, request.time)
    database.close()
    return rows


def save_to_db(rounds: int) -> Measurement:
    """Measure FlexMeasures' own way for the beliefs of a 48-pack sample."""

    def measure(platform: Platform) -> Figures:
        rows = _one_sample(platform)
        database = psycopg2.connect(platform.database_uri)
        saved, copies = [], []
        for number in range(1, rounds + 1):
            copies.append(timed(partial(ways.copy, database, ways.as_text(rows, SHIFT * number))))
            saved.append(timed(ways.saving(platform.app, rows, -SHIFT * number)))
        database.close()
        return len(rows), statistics.median(saved), statistics.median(copies)

    return measure


def sensor_data(platform: Platform) -> Figures:
    """Measure FlexMeasures' own endpoint, for 100 of the beliefs of a sample."""
    rows = _one_sample(platform)
    some = [row for row in rows if row[2] % 20 == 0][:100]
    some = [row for row in some if _unit(platform, row[2]) == "dimensionless"]
    database = psycopg2.connect(platform.database_uri)
    limit = timed(partial(ways.copy, database, ways.as_text(some, SHIFT)))
    database.close()
    with platform.web(1) as url:
        taken = timed(ways.sensor_posts(url, platform.token, some, -SHIFT))
    return len(some), taken, limit


def _unit(platform: Platform, sensor: int) -> str:
    from flexmeasures.data import db
    from flexmeasures.data.models.time_series import Sensor

    with platform.app.app_context():
        return str(db.session.get_one(Sensor, sensor).unit)


def latest_of_48(rounds: int) -> Measurement:
    """Measure the latest readings of a PMS; the limit is FlexMeasures asked sensor by sensor."""

    def measure(platform: Platform) -> Figures:
        rows = _one_sample(platform)
        sensors = sorted({row[2] for row in rows})[:100]
        with platform.web(1) as url:
            session: Any = requests.Session()
            session.headers["x-api-key"] = platform.key
            address = f"{url}/pms/api/v1/pms/{LAYOUT.systems[0].pms}/latest"
            taken = [timed(lambda: session.get(address, timeout=60)) for _ in range(rounds)]
        asked = timed(ways.latest_states(platform.app, sensors))
        return len(rows), statistics.median(taken), asked * len(rows) / len(sensors)

    return measure
