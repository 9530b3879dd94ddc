"""How authors make one change: by command or by form, again and again until its outcome is known.

A form is sent again as it was, with its number; commands say since when, so that a repeated
one finds what the first did.
"""

from __future__ import annotations

import json
import random
import re
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, Protocol

import requests
from support.forms import forms

HOST = "127.0.0.1"
PATIENCE = 60
PAUSE = 0.2
MOST_SHOWN = 400
# What a command prints of a connection that was lost.
LOST = re.compile("The database is not available|OperationalError|InterfaceError|connection")
_REFUSAL = re.compile(r'class="registry-refused".*?</div>', re.DOTALL)
# What was stored, or discarded by an attempt whose outcome was not told.
_GONE = "No sample"
_DEADLOCK = "deadlock detected"


@dataclass(frozen=True, slots=True)
class Form:
    """A form of the pages.

    :param path: where it is, and where it is sent.
    :param fields: what is filled in; a list for boxes that are ticked.
    """

    path: str
    fields: dict[str, str | list[str]]


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to be done, by command or by form.

    :param what: as the report counts it.
    :param words: of the command, without organisation and author.
    """

    what: str
    words: tuple[str, ...]
    form: Form


@dataclass(frozen=True, slots=True)
class Done:
    """A task that was acknowledged.

    :param sent: when it was first sent.
    :param sure: whether it was done by this author, as far as the reply tells.
    """

    sent: float
    acknowledged: float
    sure: bool = True


class Way(Protocol):
    """How an author acts: it returns whether the task is done, or must be tried again."""

    name: str
    notes: Notes

    def attempt(self, task: Task) -> bool:
        """Try a task once.

        :raises Impossible: when it was refused.
        """

    def begin(self) -> None:
        """Begin another task."""

    def complete(self) -> None:
        """Complete changes that were cut off after their commit."""


class Impossible(Exception):
    """A change that has to be possible was refused."""


@dataclass
class Notes:
    """What happened to authors that the report tells.

    :param wrong: replies that should never come.
    :param was_down: whether a server was down at some time of a period of ``time.monotonic``.
    """

    was_down: Callable[[float, float], bool]
    wrong: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


@dataclass
class Commands:
    """Commands, run by one of the processes of :mod:`faults.authors`."""

    port: int
    account: int
    name: str
    notes: Notes

    def begin(self) -> None:
        """Begin another task: nothing to do."""

    def attempt(self, task: Task) -> bool:
        """Run the command once."""
        words = ["pms", *task.words, "--account", str(self.account)]
        if task.words[:2] != ("quarantine", "replay"):
            words += ["--author", self.name, "--note", f"{task.what} by {self.name}"]
        try:
            said = ask(self.port, words)
        except (OSError, ValueError):
            self.notes.counts["command broken"] += 1
            return False
        gone = task.words[0] == "quarantine" and _GONE in said["printed"]
        if said["code"] == 0 or gone:
            return True
        printed = f"{said['printed']} {said['raised'] or ''}"
        if _DEADLOCK in printed:
            self.notes.counts["command deadlocked"] += 1
        if LOST.search(printed):
            self.notes.counts["command without database"] += 1
            return False
        raise Impossible(f"{' '.join(words)}: {printed[-MOST_SHOWN:]}")

    def complete(self) -> None:
        """Have the assets made that lack, and the samples replayed that waited for a change."""
        said = ask(self.port, ["pms", "make-assets", "--account", str(self.account)])
        if said["code"]:
            self.notes.wrong.append(f"make-assets: {said['printed'][-MOST_SHOWN:]}")

    def read(self, *words: str) -> Any:
        """Run a command that prints JSON."""
        said = ask(self.port, ["pms", *words, "--account", str(self.account), "--json"])
        return json.loads(said["printed"]) if said["code"] == 0 else said


def ask(port: int, words: list[str]) -> dict[str, Any]:
    """Run a command in one of the processes of :mod:`faults.authors`.

    :raises OSError, ValueError: when it died meanwhile.
    """
    with socket.create_connection((HOST, port), PATIENCE) as connection:
        connection.sendall(json.dumps(words).encode() + b"\n")
        with connection.makefile("r") as lines:
            said: dict[str, Any] = json.loads(lines.readline())
    return said


@dataclass
class Forms:
    """Forms of the pages, by someone who is logged in."""

    port: int
    cookie: tuple[str, str]
    name: str
    notes: Notes
    _shown: dict[str, str] | None = None

    def begin(self) -> None:
        """Open a fresh form for the next task."""
        self._shown = None

    def complete(self) -> None:
        """Nothing to do: there is a command for it."""

    def attempt(self, task: Task) -> bool:
        """Open the form if it is not open yet, fill it in, send it, and confirm what is asked."""
        url = f"http://{HOST}:{self.port}{task.form.path}"
        begin = time.monotonic()
        try:
            if self._shown is None:
                page = self._ask("GET", url)
                if page.status_code != 200:
                    return self._judge(task, page, begin)
                self._shown = forms(page.text)[0].fields
            filled = {**self._shown, **task.form.fields, "note": f"{task.what} by {self.name}"}
            reply = self._ask("POST", url, filled)
            asked = forms(reply.text)[0] if reply.status_code == 200 else None
            offered = {**asked.fields, **dict(asked.buttons)} if asked else {}
            if "sure" in offered:
                reply = self._ask("POST", url, {**filled, "sure": offered["sure"]})
            return self._judge(task, reply, begin)
        except (OSError, HTTPException):
            self.notes.counts["form broken"] += 1
            return False

    def _ask(self, method: str, url: str, filled: Any = None) -> requests.Response:
        """Send a request with the cookie of the login, which the server changes now and then."""
        name, value = self.cookie
        headers = {"Cookie": f"{name}={value}"}
        reply = requests.request(
            method, url, data=filled, headers=headers, timeout=PATIENCE, allow_redirects=False
        )
        if changed := reply.cookies.get(name):
            self.cookie = name, changed
        return reply

    def _judge(self, task: Task, reply: requests.Response, begin: float) -> bool:
        if reply.status_code == 303 and reply.request.method == "POST":
            return True
        if reply.status_code == 503:
            self.notes.counts["form 503"] += 1
            if not self.notes.was_down(begin, time.monotonic()):
                self.notes.wrong.append(f"{task.what} by form got 503, and no server was down")
            return False
        if reply.status_code >= 500:
            said = _text_of(reply.text)[:MOST_SHOWN]
            self.notes.wrong.append(f"{task.what} by form: {reply.status_code} {said}")
            return False
        refusal = _REFUSAL.search(reply.text)
        said = _text_of(refusal.group() if refusal else reply.text)
        raise Impossible(
            f"{task.form.path} {task.form.fields}: {reply.status_code} {said[:MOST_SHOWN]}"
        )


def _text_of(page: str) -> str:
    shown = re.sub(r"(?s)<head>.*?</head>|<(script|style|nav)\b.*?</\1>", " ", page)
    return " ".join(re.sub(r"<[^>]+>", " ", shown).split())


def perform(way: Way, task: Task, give_up: Callable[[], bool]) -> Done | None:
    """Do a task, however often it takes; None if it was refused, or there was no time left."""
    way.begin()
    sent = time.monotonic()
    while not give_up():
        try:
            if way.attempt(task):
                return Done(sent, time.monotonic())
        except Impossible as error:
            way.notes.wrong.append(f"refused: {error}")
            return None
        time.sleep(PAUSE * random.random() * 2)
    way.notes.wrong.append(f"{task.what} never got done: {task.words}")
    return None
