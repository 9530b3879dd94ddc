"""The ways to write and read that are compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import requests
from flask import Flask

DATASET = "/pms/api/v1/devices/dataset/pms"

Row = tuple[datetime, float, int, int]


def gateway(key: str) -> requests.Session:
    """Return a connection of a gateway."""
    session = requests.Session()
    session.headers.update({"x-api-key": key, "Content-Type": "application/json"})
    return session


def post(session: requests.Session, url: str, body: bytes) -> None:
    """Send a request as a gateway does, and make sure that all of it was stored, or kept."""
    reply = session.post(url + DATASET, data=body, timeout=60)
    receipt = reply.json().get("receipt", {})
    stored = reply.status_code == 200 and receipt["stored"] == receipt["samples"]
    if not (stored or reply.status_code == 202):
        raise RuntimeError(f"Not all was stored: {reply.text[:500]}")


def rows_between(connection: Any, begin: datetime, end: datetime) -> list[Row]:
    """Return the beliefs of a time (its end included) as they were stored."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT event_start, event_value, sensor_id, source_id FROM timed_belief"
            " WHERE event_start BETWEEN %s AND %s ORDER BY event_start, source_id, sensor_id",
            (begin, end),
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
        for time, value, sensor, source in rows
    )


def saving(app: Flask, rows: Sequence[Row], shift: timedelta) -> Callable[[], None]:
    """Return the work of saving rows, moved to another time, by FlexMeasures' ``save_to_db``.

    Making the frames that it wants is not part of the work.
    """
    from flexmeasures.data import db
    from flexmeasures.data.models.data_sources import DataSource
    from flexmeasures.data.models.time_series import Sensor, TimedBelief
    from flexmeasures.data.utils import save_to_db
    from timely_beliefs import BeliefsDataFrame

    context = app.app_context()
    context.push()
    frames = [
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
        save_to_db(frames)
        db.session.commit()
        context.pop()

    return save


def sensor_posts(url: str, token: str, rows: Sequence[Row], shift: timedelta) -> Callable[[], None]:
    """Return the work of posting rows to FlexMeasures' own endpoint, sensor by sensor."""
    session = requests.Session()
    session.headers["Authorization"] = token

    def send() -> None:
        for time, value, sensor, _ in rows:
            reply = session.post(
                f"{url}/api/v3_0/sensors/{sensor}/data",
                json={
                    "start": (time + shift).isoformat(),
                    "duration": "PT0S",
                    "values": [value],
                    "unit": "dimensionless",
                },
                timeout=60,
            )
            if reply.status_code >= 300:
                raise RuntimeError(f"Not stored: {reply.text[:500]}")

    return send


def latest_states(app: Flask, sensors: Sequence[int]) -> Callable[[], None]:
    """Return the work of asking sensors for their latest state, one by one."""

    def ask() -> None:
        from flexmeasures.data import db
        from flexmeasures.data.models.time_series import Sensor

        with app.app_context():
            for sensor in sensors:
                db.session.get_one(Sensor, sensor).latest_state()

    return ask
