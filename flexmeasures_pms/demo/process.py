"""Servers as child processes: started apart from the terminal, and always stopped.

A server gets a session of its own, so that Ctrl-C reaches only the command, which then
stops its servers in order. What a killed command left running is found by the record it
wrote of the process, and stopped at the next start.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from flexmeasures_pms.demo.account import Account, ServerError

if TYPE_CHECKING:
    import psutil

START_SECONDS = 60.0
STOP_SECONDS = 30.0
LOG_LINES = 15


@contextmanager
def only_user(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Lock a folder for this process; the system releases it even if we are killed.

    :param wait: until another process releases it, instead of failing.
    :raises ServerError: when another process holds it.
    """
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"{folder} is in use by another run: stop that, or choose another folder."
            raise ServerError(message) from None
        yield


@dataclass(frozen=True, slots=True)
class Server:
    """A program that runs until it gets a signal to stop.

    :param command: the program and its arguments.
    :param record: where to note the process, for the next start after a crash.
    :param log: where its output goes.
    :param ready: returns whether it answers.
    :param seconds: how long it may take to answer.
    :param stdin: its standard input at start.
    :param stop_signal: the signal for an orderly stop.
    """

    command: Sequence[str]
    record: Path
    log: Path
    ready: Callable[[], bool]
    seconds: float = START_SECONDS
    account: Account = field(default_factory=Account)
    stdin: str = ""
    cwd: Path | None = None
    environment: Mapping[str, str] | None = None
    stop_signal: int = signal.SIGTERM


@contextmanager
def running(server: Server) -> Iterator[subprocess.Popen[str]]:
    """Run a server for the time of the block, which begins when it answers.

    :raises ServerError: when it ends before it answers, with the end of its log.
    """
    stop_recorded(server.record, server.stop_signal)
    with server.log.open("w") as output:
        process = subprocess.Popen(
            server.command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
            cwd=server.cwd,
            env=server.environment,
            **server.account.popen(),
        )
    try:
        note(server.record, process.pid)
        _tell(process, server.stdin)
        wait_until_ready(server, lambda: process.poll() is not None)
        yield process
    finally:
        _stop_child(process, server.stop_signal)
        server.record.unlink(missing_ok=True)


def stop_recorded(record: Path, stop_signal: int = signal.SIGTERM) -> None:
    """Stop the process that a record names, if it is still that process."""
    import psutil

    try:
        noted = json.loads(record.read_text())
        process = psutil.Process(noted["pid"])
        same = process.create_time() == noted["created"]
    except (OSError, ValueError, KeyError, psutil.NoSuchProcess):
        same = False
    if same:
        _stop(process, stop_signal)
    record.unlink(missing_ok=True)


def note(record: Path, pid: int) -> None:
    """Record a process so that no later one with the same id is mistaken for it."""
    import psutil

    created = psutil.Process(pid).create_time()
    record.write_text(json.dumps({"pid": pid, "created": created}))


def _tell(process: subprocess.Popen[str], text: str) -> None:
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError), process.stdin as stream:
            stream.write(text)


def wait_until_ready(server: Server, ended: Callable[[], bool]) -> None:
    """Wait until a server answers.

    :param ended: returns whether its process has ended.
    :raises ServerError: when it ends before it answers, or takes too long, with the end of its log.
    """
    deadline = time.monotonic() + server.seconds
    while not server.ready():
        if ended() or time.monotonic() > deadline:
            lines = server.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
            raise ServerError(
                "\n".join([f"{server.record.stem} did not start. The end of {server.log}:", *lines])
            )
        time.sleep(0.05)


def _stop_child(process: subprocess.Popen[str], stop_signal: int) -> None:
    if process.poll() is None:
        process.send_signal(stop_signal)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)


def _stop(process: psutil.Process, stop_signal: int) -> None:
    import psutil

    try:
        process.send_signal(stop_signal)
        process.wait(STOP_SECONDS)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)
    except psutil.NoSuchProcess:
        return
