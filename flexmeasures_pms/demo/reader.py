"""The part of FlexMeasures' own API that the demo reads."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flexmeasures_pms.demo.account import ServerError


class FlexMeasures:
    """A client with the rights of one user.

    :param url: of FlexMeasures, without a path.
    :param token: of the user.
    """

    def __init__(self, url: str, token: str) -> None:
        import requests

        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy between us and this machine
        self._session.headers["Authorization"] = token

    def assets(self, account_id: int) -> dict[str, int]:
        """Return the ids of an organisation's assets by their external id."""
        fields = "id|external_id"
        found = self._get("assets", {"account": account_id, "fields": fields})
        return {asset["external_id"]: asset["id"] for asset in found if asset["external_id"]}

    def sensors(self, asset_id: int) -> dict[str, dict[str, Any]]:
        """Return id and unit of an asset's sensors by their name."""
        found = self._get(f"assets/{asset_id}/sensors", {"page": 1, "per-page": 100})
        return {sensor["name"]: sensor for sensor in found["data"]}

    def day(self, sensor: dict[str, Any], start: datetime) -> list[float | None]:
        """Return the reading of each minute of a day, None where there is none."""
        query = {
            "start": start.isoformat(),
            "duration": "PT24H",
            "resolution": "PT1M",
            "unit": sensor["unit"],
        }
        values: list[float | None] = self._get(f"sensors/{sensor['id']}/data", query)["values"]
        return values

    def _get(self, path: str, query: dict[str, Any]) -> Any:
        import requests

        try:
            reply = self._session.get(f"{self._url}/api/v3_0/{path}", params=query, timeout=60)
        except requests.RequestException as error:
            raise ServerError(f"FlexMeasures did not answer: {error}") from error
        if not reply.ok:
            raise ServerError(f"{reply.url} says {reply.status_code}: {reply.text}")
        return reply.json()


def graph_link(url: str, asset_id: int, start: datetime, end: datetime) -> str:
    """Return the address of an asset's graphs over a period of whole days.

    Without the period FlexMeasures shows the two days before the newest data.
    """
    return f"{url}/assets/{asset_id}/graphs?{_period(start, end)}"


def sensor_link(url: str, sensor_id: int, start: datetime, end: datetime) -> str:
    """Return the address of a sensor's page over a period of whole days."""
    return f"{url}/sensors/{sensor_id}?{_period(start, end)}"


def _period(start: datetime, end: datetime) -> str:
    return urlencode({"start_time": start.isoformat(), "end_time": end.isoformat()})
