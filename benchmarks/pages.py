"""``python -m benchmarks.pages``: what pages cost on a month of 30 million beliefs.

The month is made once, in a database of its own below ``.data/pages``, and kept for the next
run; ``--clean`` removes it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import click
import msgspec
from flask import Flask

from benchmarks import month
from benchmarks.platform import EMAIL, Platform, application
from flexmeasures_pms.demo.prepare import migrate, register_site
from flexmeasures_pms.demo.servers import servers, stopping_on_signals
from flexmeasures_pms.demo.settings import environment, write_config
from flexmeasures_pms.simulator import fleet_layout

FOLDER = Path(".data/pages")
LAYOUT = fleet_layout(1, 4, 12)


class Month(msgspec.Struct, frozen=True):
    """What is kept of the month beside its database.

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
def month_of_beliefs(data_dir: Path = FOLDER) -> Iterator[Found]:
    """Have the month for the time of the block; made first where it is not there yet."""
    data_dir.mkdir(parents=True, exist_ok=True)
    data_dir.chmod(0o755)
    with stopping_on_signals(), servers(data_dir) as found:
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

    from flexmeasures_pms.beliefs.sensors import sensor_ids
    from flexmeasures_pms.beliefs.sources import source_ids
    from flexmeasures_pms.gateways import book
    from flexmeasures_pms.registry.book import Author
    from flexmeasures_pms.registry.directory import directory
    from flexmeasures_pms.storage.latest import rebuild

    with app.app_context(), redirect_stdout(StringIO()):
        user = create_user(
            email=EMAIL,
            password="not-a-secret-here",  # noqa: S106 - of a server that lives for minutes
            account_name="Bench",
            check_email_deliverability=False,
        )
        db.session.commit()
        register_site(app, LAYOUT, user.account_id)
        key = book.add(
            user.account_id,
            "bench",
            devices=None,
            expires_at=None,
            rates=(10**9, 10**9),
            author=Author("bench"),
        )
        registered = directory(user.account_id)
        cases = [registered.find("case", case.ident) for case in LAYOUT.systems[0].cases()]
        assets = [case.asset_id for case in cases if case and case.asset_id]
        sensors = sensor_ids(assets)
        pms = registered.find("pms", LAYOUT.systems[0].pms)
        assert pms is not None  # noqa: S101 - registered above
        source = source_ids(user.account_id, [pms])[pms.id]
        db.session.commit()
        end = datetime.now(UTC).replace(second=0, microsecond=0)
        stretches = month.month([sensors[asset] for asset in assets], end)
        uri = str(app.config["SQLALCHEMY_DATABASE_URI"])
        month.fill(uri, stretches, source)
        rebuild([case.id for case in cases if case])
        db.session.commit()
        made = Month(user.account_id, user.get_auth_token(), key.text, end)
        db.session.remove()
        db.engine.dispose()
    beliefs = sum(stretch.beliefs for stretch in stretches)
    click.echo(f"Made {beliefs:,} beliefs up to {end:%Y-%m-%d %H:%M} UTC in {FOLDER}.")
    return made


@click.command()
@click.option("--clean", is_flag=True, help="Remove the month's database instead.")
def main(clean: bool) -> None:
    """Measure the pages."""
    with month_of_beliefs() as found:
        click.echo(f"{found.month}")


if __name__ == "__main__":
    main()
