"""A browser that fails a test when a page asks another host for anything, or breaks.

Chromium by Playwright; :mod:`support.chromium` finds it. What a test opens is watched from its
first request to its last.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Flask
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request
from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from conftest import Organisation

ROOT = Path(__file__).parent.parent.parent
AXE = ROOT / "assets" / "node_modules" / "axe-core" / "axe.min.js"
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
LOCAL = ("data:", "blob:", "about:")
STORED = "local_storage,indexeddb,cache_storage,service_workers"


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_args: Any) -> None:
        """Say nothing."""


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve an application over HTTP from this process, and return its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def arguments() -> list[str]:
    """Return how the browser is started: no name leads anywhere but to this machine."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return [*sandbox, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost"]


@dataclass
class Guard:
    """What a page did that no page may do.

    :param errors: of scripts, and of the browser about the page.
    :param strangers: requests to other hosts.
    """

    home: str
    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def allow(self, *texts: str) -> None:
        """Take errors with such texts as expected."""
        self.allowed.extend(texts)

    def watch(self, page: Page) -> None:
        """Note what a page does from now on."""
        page.on("request", self._requested)
        page.on("pageerror", lambda error: self.errors.append(f"{page.url}: {error}"))
        page.on("console", self._said)

    def faults(self) -> list[str]:
        """Return what must not have been."""
        unforeseen = [e for e in self.errors if not any(text in e for text in self.allowed)]
        return [*self.strangers, *unforeseen]

    def _requested(self, request: Request) -> None:
        if not request.url.startswith(LOCAL) and urlsplit(request.url).netloc != self.home:
            self.strangers.append(f"{request.frame.url} asked for {request.url}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.location.get('url')}: {message.text}")


@dataclass
class Visitor:
    """One reader with a browser of their own, and what is seen of them.

    :param reusable: whether the browser can be another reader's afterwards.
    """

    live: str
    context: BrowserContext
    page: Page
    guard: Guard
    reusable: bool = True

    def log_in(self, organisation: Organisation) -> None:
        """Go on as the member of an organisation."""
        name, value = organisation.cookie
        self.context.add_cookies([{"name": name, "value": value, "url": self.live}])

    def log_in_by_form(self, email: str, password: str) -> None:
        """Log in through FlexMeasures' own form."""
        ask, url = self.context.request, f"{self.live}/login"
        form: dict[str, str | float | bool] = {"email": email, "password": password}
        if token := _TOKEN.search(ask.get(url).text()):
            form["csrf_token"] = token[1]
        reply = ask.post(url, form=form)
        assert reply.ok, reply.status_text
        assert not urlsplit(reply.url).path.startswith("/login"), "FlexMeasures let nobody in."

    def stop_time(self) -> None:
        """Let time go on only as ``page.clock`` says. The browser can't be told to forget it."""
        self.reusable = False
        self.page.clock.install()

    def open(self, path: str, *, ready: str | None = None) -> Page:
        """Open a path of the server, and wait for an element where one is named."""
        self.page.goto(self.live + path, wait_until="load")
        if ready:
            self.page.locator(ready).locator("visible=true").first.wait_for()
        return self.page


@dataclass
class Hand:
    """Fingers on an element of a page, in shares of its width: ``go([0.4, 0.6], [0.2, 0.8])``."""

    page: Page
    selector: str

    def go(
        self,
        begin: list[float],
        end: list[float],
        steps: int = 6,
        heights: tuple[list[float], list[float]] | None = None,
        last: str = "touchEnd",
    ) -> None:
        """Put fingers down, move them, and take them away.

        :param heights: where they begin and end, in CSS pixels below the middle of the element.
        :param last: ``touchCancel`` where the browser takes them for something else.
        """
        place = self.page.locator(self.selector)
        place.scroll_into_view_if_needed()
        box = place.bounding_box()
        assert box
        session = self.page.context.new_cdp_session(self.page)

        low, high = heights or ([0.0] * len(begin), [0.0] * len(begin))

        def send(kind: str, shares: list[float], done: float = 0) -> None:
            middle = box["y"] + box["height"] / 2
            points = [
                {
                    "x": box["x"] + share * box["width"],
                    "y": middle + low[n] + (high[n] - low[n]) * done,
                    "id": n,
                }
                for n, share in enumerate(shares)
            ]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        send("touchStart", begin)
        for n in range(1, steps + 1):
            send(
                "touchMove",
                [a + (b - a) * n / steps for a, b in zip(begin, end, strict=True)],
                n / steps,
            )
        send(last, [])
        session.detach()


@dataclass
class Visitors:
    """Makes readers. What their browsers have cached is kept for the next ones.

    Without it, each has to fetch and compile the scripts of all pages, which takes longer than
    most tests.

    :param free: contexts that nobody reads with now, by their options.
    """

    browser: Browser
    live: str
    free: dict[str, list[BrowserContext]] = field(default_factory=lambda: defaultdict(list))

    @contextmanager
    def visitor(self, **options: Any) -> Iterator[Visitor]:
        """Have a reader; afterwards, fail for what their pages did wrong.

        :param options: of Playwright's ``new_context``, such as ``color_scheme="dark"``.
        """
        free = self.free[repr(sorted(options.items()))]
        context = free.pop() if free else self._context(options)
        guard = Guard(urlsplit(self.live).netloc)
        found = Visitor(self.live, context, context.new_page(), guard)
        guard.watch(found.page)
        try:
            yield found
            faults = guard.faults()
            assert not faults, "\n".join(faults)
            self._forget(context)
        except BaseException:
            found.reusable = False
            raise
        finally:
            if found.reusable:
                free.append(context)
            else:
                context.close()

    def _context(self, options: dict[str, Any]) -> BrowserContext:
        defaults: dict[str, Any] = {
            "viewport": {"width": 1440, "height": 900},
            "locale": "en-GB",
            "timezone_id": "Europe/Amsterdam",
            "reduced_motion": "reduce",
        }
        context = self.browser.new_context(**(defaults | options))
        context.set_default_timeout(60_000)
        return context

    def _forget(self, context: BrowserContext) -> None:
        """Close all pages, and forget what they stored; what was fetched for good stays cached."""
        session = context.new_cdp_session(context.pages[0])
        stored = {"origin": self.live, "storageTypes": STORED}
        session.send("Storage.clearDataForOrigin", stored)
        for page in context.pages:
            page.close()
        context.clear_cookies()


def axe(page: Page, *, leave_out: tuple[str, ...] = ()) -> list[str]:
    """Return the serious faults that axe finds on a page, each with where.

    :param leave_out: selectors of parts that are not ours to mend.
    """
    if not AXE.is_file():
        raise RuntimeError("axe-core is not there: run `make assets`.")
    page.evaluate(AXE.read_text())
    found = page.evaluate(
        "left => axe.run({exclude: left.map(one => [one])}, {resultTypes: ['violations']})",
        list(leave_out),
    )
    return [
        f"{fault['id']}: {fault['help']}: {node['html'][:160]} ({node.get('failureSummary')})"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]
