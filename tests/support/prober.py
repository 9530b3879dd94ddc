"""Requests with hostile values, and what is wrong about a reply to one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from flask import Flask
from support import crawl, fuzz
from support.crawl import PageContent
from support.hostile import Value
from werkzeug.test import TestResponse

MOST = 1_500_000
"""More bytes than any reply has: a value of 100 kB may come back several times."""


@dataclass
class Prober:
    """Sends requests and notes what is wrong about the replies.

    :param headers: of every request: credentials.
    """

    app: Flask
    headers: Mapping[str, str]
    faults: list[str] = field(default_factory=list)
    parameters: set[tuple[str, ...]] = field(default_factory=set)
    tried: Counter[tuple[str, str]] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)

    def send(
        self,
        what: str,
        method: str,
        url: str,
        said: object = "",
        *,
        client: Any = None,
        **more: Any,
    ) -> tuple[TestResponse, PageContent]:
        """Send a request, and return the reply with what is in it if it is a page.

        :param what: the kind of parameter, for the counts.
        :param said: what was hostile about it, for messages.
        """
        client = client or self.app.test_client(use_cookies=False)
        path = unquote_to_bytes(url.partition("?")[0]).decode("latin-1")
        environ = {"PATH_INFO": path, **more.pop("environ", {})}
        headers = {**self.headers, **more.pop("headers", {})}
        reply = client.open(url, method=method, headers=headers, environ_overrides=environ, **more)
        self.requests[what] += 1
        fuzz.note(f"hostile: {what}", reply.status_code)
        text = reply.get_data(as_text=True)
        page = PageContent()
        if reply.mimetype == "text/html" or url.find("live") > 0:
            page = crawl.read(url, _markup(reply, text))
        for fault in _faults(reply, text, page):
            self.faults.append(f"{reply.status_code} {method} {url[:160]} [{what}: {said}] {fault}")
        return reply, page

    def report(self) -> str:
        """Return the faults as a text for a failed assertion."""
        return f"{len(self.faults)} faults:\n" + "\n".join(sorted(self.faults)[:200])


def _markup(reply: TestResponse, text: str) -> str:
    """Return the HTML of a reply: a page's, or that in the JSON for a script."""
    if reply.mimetype != "application/json":
        return text
    found = json.loads(text) if text else {}
    return str(found.get("html", "")) if isinstance(found, dict) else ""


def _faults(reply: TestResponse, text: str, page: PageContent) -> Iterator[str]:
    if reply.status_code == 503:
        if "Retry-After" not in reply.headers:
            yield "without Retry-After"
    elif reply.status_code >= 500:
        yield "is no answer"
    if "Traceback (most recent" in text:
        yield "shows a traceback"
    if len(text) > MOST:
        yield f"has {len(text)} bytes"
    if any("\n" in value or "\r" in value for value in reply.headers.values()):
        yield "has a header of several lines"
    for one in page.injected:
        yield f"has markup of a value: {one}"


def in_environ(name: str, value: Value) -> dict[str, str]:
    """Return a header as a server passes it on, whatever is in it."""
    key = name.upper().replace("-", "_")
    text = value.text.encode("utf-8", "surrogatepass").decode("latin-1")
    return {key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}": text}
