"""``python -m benchmarks.pages``: pages on a month of 30 million beliefs.

The month is made once, in a separate database below ``.data/pages``, and kept for the next
run; ``--clean`` removes it.
"""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from urllib.parse import urlencode

import click
import msgspec
import psutil
import requests
from flask import Flask

from benchmarks import month
from benchmarks.platform import EMAIL, Platform, application
from flexmeasures_pms.demo.postgres import postgres_home
from flexmeasures_pms.demo.prepare import migrate, register_site
from flexmeasures_pms.demo.servers import servers, stopping_on_signals
from flexmeasures_pms.demo.settings import environment, write_config
from flexmeasures_pms.simulator import fleet_layout

FOLDER = Path(".data/pages")
LAYOUT = fleet_layout(1, 4, 12)
MONTH, YEAR = timedelta(days=30), timedelta(days=365)
WIDTH = 1200
MEASURED = ("cells", "spread", "voltage", "current", "power", "temperatures")
"""The charts of what FlexMeasures' own page of a pack shows."""


class Month(msgspec.Struct, frozen=True):
    """What is stored of the month besides its database.

    :param end: the first moment without readings.
    """

    account_id: int
    token: str
    key: str
    end: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """The month's database with FlexMeasures on it."""

    platform: Platform
    month: Month


@contextmanager
def month_of_beliefs(data_dir: Path = FOLDER, buffers: int | None = None) -> Iterator[Found]:
    """Provide the month for the time of the block; create it first if needed.

    :param buffers: PostgreSQL's ``shared_buffers`` [MB]; by default a quarter of the memory.
    """
    size = buffers or psutil.virtual_memory().total >> 22
    data_dir.mkdir(parents=True, exist_ok=True)
    data_dir.chmod(0o755)
    with stopping_on_signals(), servers(data_dir, options={"shared_buffers": f"{size}MB"}) as found:
        write_config(data_dir, found)
        os.environ.update(environment(data_dir, found))
        app = application()
        kept = data_dir / "month.json"
        with app.app_context(), redirect_stdout(StringIO()):
            migrate()
        if not kept.exists():
            kept.write_bytes(msgspec.json.encode(_make(app)))
        made = msgspec.json.decode(kept.read_bytes(), type=Month)
        yield Found(Platform(app, made.account_id, made.token, made.key, data_dir), made)


def _make(app: Flask) -> Month:
    from flexmeasures.data import db
    from flexmeasures.data.services.users import create_user

    from flexmeasures_pms.gateways import manage
    from flexmeasures_pms.registry.editing.change import Author
    from flexmeasures_pms.storage.log.folding import fold_all
    from flexmeasures_pms.storage.readings.turns import rebuild

    with app.app_context(), redirect_stdout(StringIO()):
        user = create_user(
            email=EMAIL,
            password="not-a-secret-here",  # noqa: S106 - of a server that lives for minutes
            account_name="Bench",
            check_email_deliverability=False,
        )
        db.session.commit()
        register_site(app, LAYOUT, user.account_id)
        key = manage.add(
            user.account_id,
            "bench",
            devices=None,
            expires_at=None,
            rates=(10**9, 10**9),
            author=Author("bench"),
        )
        end = datetime.now(UTC).replace(second=0, microsecond=0)
        packs = month.packs_of(user.account_id, LAYOUT.systems[0])
        stretches = month.month(packs, end)
        month.fill(str(app.config["SQLALCHEMY_DATABASE_URI"]), stretches)
        rebuild(packs.cases, end)
        db.session.commit()
        fold_all(end)
        day = (end - MONTH + timedelta(days=1)).date()
        uri = str(app.config["SQLALCHEMY_DATABASE_URI"])
        month.repeat_day(uri, packs.cases[12:24], day, range(-(YEAR - MONTH).days, -1))
        made = Month(user.account_id, user.get_auth_token(), key.text, end)
        db.session.remove()
        db.engine.dispose()
    beliefs = sum(stretch.beliefs for stretch in stretches)
    click.echo(f"Made {beliefs:,} beliefs up to {end:%Y-%m-%d %H:%M} UTC in {FOLDER}.")
    return made


@dataclass(frozen=True, slots=True)
class Request:
    """One request to measure.

    :param beside: FlexMeasures' own for the same sensors and time.
    """

    name: str
    path: str
    beside: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What a request took: the median of its rounds, and the bytes of its reply."""

    milliseconds: float
    wire: int


def requests_of(found: Found) -> Iterator[Request]:
    """Yield the requests of a browser: the page, then the readings that it shows."""
    pms, end = LAYOUT.systems[0], found.month.end
    quick, slow = pms.cases()[0].ident, pms.cases()[12].ident
    yield Request("fleet", "/pms")
    yield Request("rack, 48 packs", f"/pms/{pms.pms}")
    yield Request("rack, live part", f"/pms/{pms.pms}?live=1")
    for hours in (1, 24):
        query = period(end, timedelta(hours=hours))
        yield Request(f"heat map, 48 packs, {hours} h", f"/pms/{pms.pms}/cells?{query}")
    yield Request("heat map, 48 packs, 30 d", f"/pms/{pms.pms}/cells?{period(end, MONTH)}")
    for words, case, length in (
        ("1 h", quick, timedelta(hours=1)),
        ("24 h", quick, timedelta(days=1)),
        ("30 d", slow, MONTH),
        ("a year", slow, YEAR),
    ):
        query, asset = period(end, length), asset_of(found, case)
        route = f"/pms/api/v1/devices/{case}/history?width={WIDTH}&{query}"
        same = "&".join(f"quantity={chart}" for chart in MEASURED)
        starts = urlencode(
            {"event_starts_after": _iso(end - length), "event_ends_before": _iso(end)}
        )
        theirs = f"/api/v3_0/assets/{asset}/chart_data?{starts}&compress_json=true"
        yield Request(f"pack, {words}: page", f"/pms/case/{case}?{query}")
        yield Request(f"pack, {words}: all charts", route)
        yield Request(
            f"pack, {words}: measurements",
            f"{route}&{same}",
            beside=None if length > MONTH else theirs,
        )


def period(end: datetime, length: timedelta) -> str:
    """Return a time that ends at a moment as a query."""
    return urlencode({"start": _iso(end - length), "end": _iso(end)})


def _iso(at: datetime) -> str:
    return at.isoformat()


def asset_of(found: Found, case: str) -> int:
    """Return the number of a case's FlexMeasures asset."""
    from flexmeasures_pms.registry.loading.load import load_directory

    with found.platform.app.app_context():
        entry = load_directory(found.month.account_id).find("case", case)
    assert entry is not None and entry.asset_id is not None  # noqa: S101 - registered
    return entry.asset_id


def measured(session: requests.Session, url: str, rounds: int) -> Taken:
    """Measure a request, after one that warms caches up."""
    taken = []
    for _ in range(rounds + 1):
        begin = time.perf_counter()
        reply = session.get(url, timeout=600, stream=True)
        body = reply.raw.read()
        taken.append((time.perf_counter() - begin) * 1000)
        if reply.status_code != 200:
            raise click.ClickException(f"{url}: {reply.status_code} {body[:300]!r}")
    return Taken(statistics.median(taken[1:]), len(body))


@click.command()
@click.option("--rounds", default=5, show_default=True, help="Of each request.")
@click.option("--slow-rounds", default=1, show_default=True, help="Of FlexMeasures' charts.")
@click.option("--only", multiple=True, metavar="WORD", help="Only rows that contain this word.")
@click.option("--buffers", type=int, metavar="MB", help="PostgreSQL's shared_buffers.")
@click.option("--clean", is_flag=True, help="Remove the month's database instead.")
def main(
    rounds: int, slow_rounds: int, only: tuple[str, ...], buffers: int | None, clean: bool
) -> None:
    """Measure pages on a month of 30 million beliefs, compared with FlexMeasures' charts."""
    if clean:
        shutil.rmtree(postgres_home(FOLDER), ignore_errors=True)
        shutil.rmtree(FOLDER, ignore_errors=True)
        return
    form = "{:<32}{:>9}{:>9}{:>14}{:>9}{:>9}"
    with month_of_beliefs(buffers=buffers) as found, found.platform.web(1) as url:
        click.echo(form.format("", "ms", "kB", "FlexMeasures", "kB", "ratio"))
        session = requests.Session()
        session.headers.update({"Authorization": found.month.token, "Accept-Encoding": "gzip"})
        for request in requests_of(found):
            if only and not any(word in request.name for word in only):
                continue
            ours = measured(session, url + request.path, rounds)
            figures = [f"{ours.milliseconds:,.0f}", f"{ours.wire / 1000:,.0f}"]
            if request.beside:
                theirs = measured(session, url + request.beside, slow_rounds)
                ratio = theirs.milliseconds / ours.milliseconds
                figures += [f"{theirs.milliseconds:,.0f}", f"{theirs.wire / 1000:,.0f}"]
                figures.append(f"{ratio:,.0f}")
            click.echo(form.format(request.name, *figures, *[""] * (5 - len(figures))))


if __name__ == "__main__":
    main()
