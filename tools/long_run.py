"""``python tools/long_run.py``: sites of 13, 22, 37 and 48 packs, watched for an hour in a browser.

Each site reports every 5 s. Meanwhile a browser opens the pages of one site after the other, at
two widths, and a program reads its rack, its newest readings and CSV. Told are errors in the
browser's console, empty charts, and figures that are not those that were sent.
"""

from __future__ import annotations

import argparse
import csv
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import cycle, islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import msgspec  # noqa: E402 - after the path
import requests  # noqa: E402
from playwright.sync_api import Error, sync_playwright  # noqa: E402
from support.browser import Visitor, Visitors, arguments  # noqa: E402
from support.chromium import chromium  # noqa: E402

from benchmarks.platform import EMAIL, platform_under_test  # noqa: E402
from flexmeasures_pms.simulator import Layout, Site, fleet_layout  # noqa: E402
from flexmeasures_pms.simulator.layout import System  # noqa: E402

PACKS = (13, 22, 37, 48)
STEP = timedelta(seconds=5)
API = "/pms/api/v1/devices"
WIDTHS = ({"width": 1440, "height": 900}, {"width": 390, "height": 844})
_EMPTY = """() => [...document.querySelectorAll('canvas')].filter(canvas => {
  if (!canvas.width || !canvas.height) return canvas.offsetParent !== null;
  const drawn = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(drawn).size < 2 && canvas.offsetParent !== null;
}).length"""

Sent = dict[tuple[str, str], Any]
"""What was sent of packs: by pack and time."""


def layout() -> Layout:
    """Return sites with as many packs as are wanted, and the last dock that is filled in use."""
    whole = fleet_layout(len(PACKS), 4, 12)
    systems = tuple(_first(one, n) for one, n in zip(whole.systems, PACKS, strict=True))
    return replace(whole, systems=systems, weak=tuple((s.cases()[3].ident, 5) for s in systems))


def _first(system: System, packs: int) -> System:
    kept, cabinets = packs, []
    for cabinet in system.cabinets:
        cabinets.append(replace(cabinet, cases=cabinet.cases[:kept]))
        kept = max(0, kept - len(cabinet.cases))
    return replace(system, cabinets=tuple(cabinets))


class Reports:
    """Posts what the sites report, until it is stopped."""

    def __init__(self, url: str, key: str, sites: Layout) -> None:
        self.url, self.site, self.sites = url, Site(sites), sites
        self.session = requests.Session()
        self.session.headers.update({"x-api-key": key, "Content-Type": "application/json"})
        self.sent: Sent = {}
        self.faults: list[str] = []
        self.stop = threading.Event()
        self.until = datetime.now(UTC)
        self.idents = {c.pack_id: c.ident for s in sites.systems for c in s.cases()}

    def run(self) -> None:
        """Post the last minutes at once, then as time goes on."""
        begin = datetime.now(UTC) - timedelta(minutes=10)
        at = begin.replace(microsecond=0, second=begin.second - begin.second % 5)
        while not self.stop.is_set():
            until = datetime.now(UTC)
            if until - at < STEP:
                self.stop.wait((STEP - (until - at)).total_seconds())
                continue
            many = 60 if until - at > 60 * STEP else 1
            end = at + many * STEP
            for one in self.site.requests(at, end, STEP, samples_per_request=many):
                self._post(one)
            at = self.until = end

    def _post(self, one: Any) -> None:
        if one.dataset == "pms":
            self._note(one.body)
        url = f"{self.url}{API}/dataset/{one.dataset}"
        reply = self.session.post(url, data=one.body, timeout=60)
        receipt = reply.json().get("receipt", {})
        if reply.status_code != 200 or receipt.get("quarantined") or receipt.get("refused"):
            self.faults.append(f"{one.dataset}: {reply.status_code} {reply.text[:200]}")

    def _note(self, body: bytes) -> None:
        """Remember what is going to be sent: it is read as soon as it is stored."""
        for dataset in msgspec.json.decode(body)["datasets"]:
            for sample in dataset["data"]:
                ident = self.idents[sample["pack"]["id"]]
                when = datetime.strptime(sample["time_local"], "%Y%m%dT%H%M%S.%f%z")
                self.sent[ident, when.astimezone(UTC).isoformat()] = sample["pack"]


def pages(system: System, n: int) -> Iterator[str]:
    """Yield the addresses of a site's pages, with another pack each time."""
    cases, pms = system.cases(), system.pms
    case = cases[n % len(cases)].ident
    yield "/pms"
    yield f"/pms/{pms}"
    yield f"/pms/{pms}?colour=deviation"
    yield f"/pms/{pms}/cells"
    yield f"/pms/{pms}/cells?quantity=temperature"
    yield f"/pms/case/{case}"
    yield f"/pms/case/{cases[-1].ident}"
    yield f"/pms/compare?pms={pms}&case={cases[0].ident}&case={case}&quantity=cells"
    yield "/pms/completeness"


def look(visit: Visitor, path: str) -> Iterator[str]:
    """Open a page, let it be live for some seconds, and yield what is wrong with it."""
    try:
        page = visit.open(path, ready="h1")
        page.wait_for_timeout(6_000)
        empty = page.evaluate(_EMPTY)
        if empty:
            yield f"{path}: {empty} empty charts"
        if page.locator("text=Request failed").count():
            yield f"{path}: an error is shown"
    except Error as error:
        yield f"{path}: {str(error).splitlines()[0]}"
    yield from (f"{path}: {fault}" for fault in visit.guard.faults())
    visit.guard.errors.clear()
    visit.guard.strangers.clear()


def compare(
    ask: requests.Session, url: str, system: System, n: int, reports: Reports
) -> Iterator[str]:
    """Yield the figures of CSV and rack that are not those that were sent."""
    cases = system.cases()
    case, end, sent = cases[n % len(cases)].ident, reports.until, reports.sent
    period = {"start": (end - timedelta(minutes=3)).isoformat(), "end": end.isoformat()}
    reply = ask.get(f"{url}{API}/{case}/export?format=csv", params=period, timeout=60)
    rows = list(csv.DictReader(StringIO(reply.text.removeprefix("\ufeff"))))
    if not rows:
        yield f"CSV of {case}: {reply.status_code}, no rows in 3 minutes"
    for row in rows:
        when = datetime.fromisoformat(row["time"]).astimezone(UTC).isoformat()
        told = sent.get((case, when))
        cells = [row[name] for name in row if name.startswith("cell ") and "voltage" in name]
        if told is None or [float(c) for c in cells] != [float(v) for v in told["cell"]["volts"]]:
            yield f"CSV of {case} at {when}: {cells} is not {told and told['cell']['volts']}"
    rack = ask.get(f"{url}/pms/api/v1/pms/{system.pms}/rack", timeout=60).json()
    docks = [dock["occupant"] for one in rack["cabinets"] for dock in one["docks"]]
    packs = [one["pack"] for one in docks if one]
    if len(packs) != len(cases):
        yield f"rack of {system.pms}: {len(packs)} packs, not {len(cases)}"
    for pack in packs:
        when = pack["time"] and datetime.fromisoformat(pack["time"]).astimezone(UTC).isoformat()
        told = sent.get((pack["id"], when or ""))
        shown = [cell["volts"] for cell in pack["cells"]]
        if told is None or shown != [float(v) for v in told["cell"]["volts"]]:
            yield f"rack of {system.pms}, {pack['id']} at {when}: {shown}"


def main() -> None:
    """Watch, and print what was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--minutes", type=float, default=60)
    minutes = parser.parse_args().minutes
    sites, faults, seen, compared = layout(), [], 0, 0
    with platform_under_test(sites) as found, found.web(2) as url, sync_playwright() as playwright:
        local = url.replace("127.0.0.1", "localhost")  # the only name that the browser finds
        reports = Reports(url, found.key, sites)
        thread = threading.Thread(target=reports.run, daemon=True)
        thread.start()
        ask = requests.Session()
        ask.headers.update({"Authorization": found.token})
        browser = playwright.chromium.launch(executable_path=chromium(), args=arguments())
        time.sleep(60)
        visitors, until = Visitors(browser, local), time.monotonic() + minutes * 60
        for n, (system, width) in enumerate(cycle((s, w) for w in WIDTHS for s in sites.systems)):
            if time.monotonic() > until:
                break
            with visitors.visitor(viewport=width) as visit:
                visit.log_in_by_form(EMAIL, "not-a-secret-here")
                for path in pages(system, n):
                    wrong = [*look(visit, path), *compare(ask, url, system, n, reports)]
                    seen, compared = seen + 1, compared + 1
                    for fault in wrong:
                        print(f"{datetime.now(UTC):%H:%M:%S} {width['width']} {fault}", flush=True)
                    faults += wrong
        browser.close()
        reports.stop.set()
        thread.join()
    for fault in islice(reports.faults, 20):
        print(fault)
    print(
        f"{minutes:g} minutes, {seen} pages seen, {compared} times compared with what was sent, "
        f"{len(reports.sent):,} samples sent, {len(faults) + len(reports.faults)} faults"
    )
    sys.exit(1 if faults or reports.faults else 0)


if __name__ == "__main__":
    main()
