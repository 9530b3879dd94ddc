"""What the demo prints."""

from __future__ import annotations

import json
import shlex
from datetime import datetime, timedelta

from flexmeasures_pms.demo.gateway import PATH, STEP, PostedCounts
from flexmeasures_pms.demo.reader import FlexMeasures, graph_link, sensor_link
from flexmeasures_pms.demo.store import Access, midnight
from flexmeasures_pms.simulator import Site
from flexmeasures_pms.simulator.layout import Layout


def receipts(counts: PostedCounts) -> str:
    """Return the sums of some receipts as a line."""
    return (
        f"{counts.requests} requests, {counts.samples} samples: {counts.stored} stored, "
        f"{counts.duplicate} duplicate, {counts.quarantined} quarantined, "
        f"{counts.no_answer} no answer, {counts.refused} refused; {counts.beliefs} beliefs."
    )


def welcome(url: str, access: Access, layout: Layout, now: datetime) -> str:
    """Return the demo's address, logins, an example of a POST, and links.

    :param now: in the site's timezone.
    """
    links = "\n".join(f"  {text:28} {link}" for text, link in _links(url, access, layout, now))
    return f"""
FlexMeasures is at {url}
  admin   {access.email}   password {access.password}
  viewer  {access.viewer_email}  password {access.viewer_password}

Post one sample:
  {curl(url, access.auth_token, layout, now)}

Look at it (FlexMeasures shows whole days, and not today by default):
{links}
"""


def curl(url: str, token: str, layout: Layout, now: datetime) -> str:
    """Return a command that posts one sample, of a moment the simulated site leaves out."""
    moment = now.replace(microsecond=0)
    moment += timedelta(seconds=STEP.seconds // 2 - moment.second % STEP.seconds)
    request = next(Site(layout).requests(moment, moment + STEP, STEP))
    dataset = json.loads(request.body)["datasets"][0]
    dataset["data"] = dataset["data"][:1]
    body = json.dumps({"datasets": [dataset]}, separators=(",", ":"))
    return (
        f"curl {url}{PATH}{request.dataset} -H 'Authorization: {token}' "
        f"-H 'Content-Type: application/json' -d {shlex.quote(body)}"
    )


def _links(url: str, access: Access, layout: Layout, now: datetime) -> list[tuple[str, str]]:
    reader = FlexMeasures(url, access.auth_token)
    assets = reader.assets(access.account_id)
    system, (weak, cell) = layout.systems[0], layout.weak[0]
    move = layout.moves[0]
    start = midnight(now)
    days = (start - timedelta(days=1), start + timedelta(days=1))
    sensor = reader.sensors(assets[f"case:{weak}"])[f"cell {cell:02d} voltage"]
    shown = {
        f"case {weak}, with a weak cell": f"case:{weak}",
        f"case {move.case}, moved {move.at:%d %B}": f"case:{move.case}",
        f"MPPT {system.mppts[0]}": f"mppt:{system.mppts[0]}",
        f"inverter {system.inverters[0]}": f"inverter:{system.inverters[0]}",
    }
    return [
        *((text, graph_link(url, assets[name], *days)) for text, name in shown.items()),
        (f"its cell {cell}", sensor_link(url, sensor["id"], *days)),
        ("the whole PMS", f"{url}/assets/{assets[f'pms:{system.pms}']}/context"),
    ]
