"""The ways to write a sample that are compared, and what they are tried on."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import requests
from flask import Flask

from flexmeasures_pms.demo.prepare import migrate, register_site
from flexmeasures_pms.simulator import Layout

EMAIL = "bench@pms-bench.example"

Row = tuple[datetime, float, int, int]


def application() -> Flask:
    """Make the application. Gunicorn calls this."""
    from flexmeasures.app import create

    app: Flask = create()
    return app


def prepare(layout: Layout) -> Flask:
    """Migrate an empty database and register a site in it."""
    from flexmeasures.data import db
    from flexmeasures.data.services.users import create_user

    app = application()
    with app.app_context():
        migrate()
        user = create_user(
            email=EMAIL,
            password="not-a-secret-here",  # noqa: S106 - of a server that lives for minutes
            account_name="Bench",
            check_email_deliverability=False,
        )
        db.session.commit()
        with redirect_stdout(StringIO()):
            register_site(app, layout, user.account_id)
        db.session.remove()
    return app


def token(app: Flask) -> str:
    """Return the auth token of the bench's user."""
    from flexmeasures.data import db
    from flexmeasures.data.models.user import User
    from sqlalchemy import select

    with app.app_context():
        user = db.session.scalars(select(User).filter_by(email=EMAIL)).one()
        found: str = user.get_auth_token()
        return found


def post(session: requests.Session, url: str, body: bytes) -> None:
    """Send a sample as a gateway does, and make sure that all of it was stored."""
    reply = session.post(
        f"{url}/pms/api/v1/devices/dataset/pms",
        data=body,
        headers={"Content-Type": "application/json"},
        timeout=60,
    )
    receipt = reply.json()["receipt"]
    if receipt["stored"] != receipt["samples"]:
        raise RuntimeError(f"Not all was stored: {reply.text[:500]}")


def rows_at(connection: Any, moment: datetime) -> list[Row]:
    """Return the beliefs of a moment as they were stored."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT event_start, event_value, sensor_id, source_id FROM timed_belief"
            " WHERE event_start = %s",
            (moment,),
        )
        rows = list(cursor)
    connection.commit()
    return rows


def copy(connection: Any, text: str) -> None:
    """Copy rows into the table and commit: nothing that stores them can be faster."""
    with connection.cursor() as cursor:
        cursor.copy_expert(
            "COPY timed_belief (event_start, belief_horizon, cumulative_probability, event_value,"
            " sensor_id, source_id) FROM STDIN",
            StringIO(text),
        )
    connection.commit()


def as_text(rows: Sequence[Row], shift: timedelta) -> str:
    """Return rows, moved to another time, as COPY reads them."""
    return "".join(
        f"{(time + shift).isoformat()}\t0\t0.5\t{value}\t{sensor}\t{source}\n"
        for time, value, sensor, source in sorted(rows)
    )


def saving(app: Flask, rows: Sequence[Row], shift: timedelta) -> Callable[[], None]:
    """Return the work of saving rows, moved to another time, through FlexMeasures."""
    from flexmeasures.data import db
    from flexmeasures.data.models.data_sources import DataSource
    from flexmeasures.data.models.time_series import Sensor, TimedBelief
    from flexmeasures.data.utils import save_to_db
    from timely_beliefs import BeliefsDataFrame

    def frames() -> list[BeliefsDataFrame]:
        return [
            BeliefsDataFrame(
                [
                    TimedBelief(
                        sensor=db.session.get(Sensor, sensor),
                        source=db.session.get(DataSource, source),
                        event_start=time + shift,
                        belief_horizon=timedelta(0),
                        event_value=value,
                    )
                ]
            )
            for time, value, sensor, source in rows
        ]

    def save() -> None:
        with app.app_context():
            # The frames come first: building them is not what is measured.
            ready = frames()
            gc.collect()
            save_to_db(ready)
            db.session.commit()

    return save
