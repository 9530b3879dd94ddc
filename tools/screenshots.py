"""``make screenshots``: take screenshots of every page of the demo.

Runs the demo in a separate folder until its site has caught up, then opens each page of
the table below at two widths, light and dark. All pictures go to ``.data/screenshots``;
those that the documentation shows go, with few colours, to ``docs/screenshots``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from signal import SIGINT
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from PIL import Image  # noqa: E402 - after the path
from playwright.sync_api import Browser, Error, sync_playwright  # noqa: E402
from support.browser import Visitor, Visitors, arguments  # noqa: E402
from support.chromium import chromium  # noqa: E402

TAKEN = ROOT / ".data" / "screenshots"
SHOWN = ROOT / "docs" / "screenshots"
WIDTHS = {1440: {"width": 1440, "height": 900}, 390: {"width": 390, "height": 844}}
LOOKS = tuple(product(WIDTHS, ("light", "dark")))
TALLEST, TALLEST_SHOWN, COLOURS, LARGEST = 2_400, 1_720, 160, 150_000
CAUGHT_UP = "The site reports every"


@dataclass(frozen=True, slots=True)
class Shot:
    """One page to take pictures of.

    :param name: of the pictures.
    :param path: its address; ``{0244}`` stands for the number of that thing's asset.
    :param ready: a selector of what has to be there, and be seen.
    :param shown: those pictures that the documentation shows, such as ``1440-light``.
    """

    name: str
    path: str
    ready: str = "h1"
    shown: tuple[str, ...] = ()


PMS = "PMS-01-001"
_ZONE = ZoneInfo("Asia/Jakarta")
_TODAY = datetime.now(_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
# The period with data; FlexMeasures would begin a day earlier, and end today.
DAYS = urlencode(
    {
        "start_time": (_TODAY - timedelta(days=1)).isoformat(),
        "end_time": (_TODAY + timedelta(days=1)).isoformat(),
    }
)
SHOTS: tuple[Shot, ...] = (
    Shot("fleet", "/pms", shown=("1440-light",)),
    Shot("rack", f"/pms/{PMS}", shown=("1440-light", "390-dark")),
    Shot("heatmap", f"/pms/{PMS}/cells", "canvas", shown=("1440-dark",)),
    Shot("pack-weak-cell", "/pms/case/0244", "canvas", shown=("1440-light",)),
    Shot("pack-swapped", "/pms/case/0246?period=life", "canvas", shown=("1440-light",)),
    Shot("compare", f"/pms/compare?pms={PMS}&case=0241&case=0244&quantity=cells&cell=5", "canvas"),
    Shot("mppt", "/pms/mppt/IT6415AD-01-001", "canvas"),
    Shot("inverter", "/pms/inverter/SPI-B2-01-001", "canvas", shown=("1440-light",)),
    Shot("registry", "/pms/registry?open=cabinet:CAB-01-002", shown=("1440-light",)),
    Shot("registry-case", "/pms/registry/case/0246"),
    Shot("registry-import", "/pms/registry/import"),
    Shot("products", "/pms/products?kind=acquisition-board"),
    Shot("quarantine", "/pms/quarantine"),
    Shot("receipts", "/pms/receipts"),
    Shot("completeness", "/pms/completeness", shown=("1440-light",)),
    Shot("flexmeasures-graphs", f"/assets/{{0244}}/graphs?{DAYS}", "canvas", shown=("1440-light",)),
    Shot("flexmeasures-context", f"/assets/{{{PMS}}}/context", "svg", shown=("1440-light",)),
    Shot("flexmeasures-status", "/assets/{0244}/status", "td:has-text('gateway')"),
    Shot("flexmeasures-dashboard", "/dashboard", "table"),
    # Last: the language is kept.
    Shot("fleet-indonesian", "/pms?lang=id", shown=("390-light",)),
)


def main() -> None:
    """Take all pictures, or those of the pages that are named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("names", nargs="*", help="of pages; all unless given")
    parser.add_argument("--data-dir", type=Path, default=ROOT / ".data" / "screenshots-demo")
    args = parser.parse_args()
    wanted = [shot for shot in SHOTS if not args.names or shot.name in args.names]
    with demo(args.data_dir) as access, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=arguments())
        faults = [fault for look in LOOKS for fault in take(browser, access, wanted, look)]
        browser.close()
    for fault in faults:
        print(f"screenshots: {fault}", file=sys.stderr)
    sys.exit(1 if faults else 0)


@contextmanager
def demo(data_dir: Path) -> Iterator[dict[str, Any]]:
    """Have the demo with all that its site measured since yesterday."""
    command = [sys.executable, "-m", "flexmeasures_pms.demo", "demo", "--json", "--port", "0"]
    with subprocess.Popen(
        [*command, "--data-dir", str(data_dir)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None  # noqa: S101 - pipes
        try:
            for line in process.stderr:
                print(line, end="")
                if CAUGHT_UP in line:
                    break
            else:
                sys.exit("screenshots: the demo did not start.")
            # Nothing reads the rest: the pipe must not fill up.
            threading.Thread(target=process.stderr.read, daemon=True).start()
            access: dict[str, Any] = json.loads(process.stdout.readline())
            yield access
        finally:
            process.send_signal(SIGINT)
            process.wait(60)


def take(
    browser: Browser, access: dict[str, Any], shots: list[Shot], look: tuple[int, str]
) -> Iterator[str]:
    """Take pictures of pages at one width in one theme, and yield what is wrong with them."""
    (width, theme), which = look, "-".join(map(str, look))
    options = {"viewport": WIDTHS[width], "color_scheme": theme}
    with Visitors(browser, access["url"]).visitor(**options, timezone_id=_ZONE.key) as visit:
        visit.context.set_default_timeout(30_000)
        visit.log_in_by_form(access["email"], access["password"])
        for shot in shots:
            taken = TAKEN / f"{shot.name}-{which}.png"
            try:
                picture(visit, shot, taken)
            except Error as error:
                yield f"{shot.name} {which}: {str(error).splitlines()[0]}"
                continue
            finally:
                yield from visit.guard.faults()
                visit.guard.errors.clear()
                visit.guard.strangers.clear()
            if which in shot.shown:
                yield from show(taken, SHOWN / taken.name)


def picture(visit: Visitor, shot: Shot, taken: Path) -> None:
    """Take one picture, of as much of the page as is of use."""
    taken.parent.mkdir(parents=True, exist_ok=True)
    page = visit.open(resolved(visit, shot.path), ready=shot.ready)
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(1_500)
    page.evaluate("scrollTo(0, 0)")  # else the menu is where a page scrolled to
    page.wait_for_timeout(300)
    height = min(page.evaluate("document.documentElement.scrollHeight"), TALLEST)
    width = page.evaluate("innerWidth")
    clip: Any = {"x": 0, "y": 0, "width": width, "height": height}
    # Without animations, for FlexMeasures' calendar slides when a picture of all of it is taken.
    page.screenshot(path=str(taken), full_page=True, clip=clip, animations="disabled")


def resolved(visit: Visitor, path: str) -> str:
    """Return an address with the asset's number in it."""
    before, brace, rest = path.partition("{")
    if not brace:
        return path
    ident, _, after = rest.partition("}")
    reply = visit.context.request.get(f"{visit.live}/pms/api/v1/devices/{ident}/latest")
    return f"{before}{reply.json()['asset']}{after}"


def show(taken: Path, shown: Path) -> Iterator[str]:
    """Keep the top of a picture for the documentation, in few colours; yield if it is too large."""
    shown.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(taken) as image:
        top = image.convert("RGB").crop((0, 0, image.width, min(image.height, TALLEST_SHOWN)))
        top.quantize(COLOURS).save(shown, optimize=True)
    if shown.stat().st_size > LARGEST:
        yield f"{shown.name} has {shown.stat().st_size:,} bytes, more than {LARGEST:,}."


if __name__ == "__main__":
    main()
