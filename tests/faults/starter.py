"""Starting servers from a process that has imported FlexMeasures already.

Importing takes most of the time of a start, and a world starts FlexMeasures four times and more.
So it is imported once, in a process that is forked for each server. A server makes an application
of its own, from its own configuration, and has processes, a log and a session of its own.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psutil

from flexmeasures_pms.demo.process import Server, note, stop_recorded, wait_until_ready

MOST = 1 << 17  # of a request, with its environment [bytes]
IMPORTED = ("flexmeasures.app", "flexmeasures_pms", "gunicorn.app.wsgiapp", "faults.server")
_turn = threading.Lock()


@contextmanager
def forked(server: Server) -> Iterator[None]:
    """Run a server for the time of the block, which begins when it answers.

    :param server: its command is a module's name or a program's path, and arguments.
    :raises ServerError: when it ends before it answers, with the end of its log.
    """
    stop_recorded(server.record)
    server.log.write_text("")
    process = psutil.Process(_fork(server))
    try:
        note(server.record, process.pid)
        wait_until_ready(server, lambda: not process.is_running())
        yield
    finally:
        stop_recorded(server.record)


def _fork(server: Server) -> int:
    request = {
        "words": [*server.command],
        "log": str(server.log),
        "cwd": str(server.cwd),
        "environment": dict(server.environment or os.environ),
    }
    with _turn:
        line = _starter()
        line.sendall(json.dumps(request).encode())
        return int(line.recv(MOST))


@cache
def _starter() -> socket.socket:
    """Start the process that is forked, and return a line to it. It ends with ours."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    tests = Path(__file__).resolve().parent.parent
    process = subprocess.Popen(
        [sys.executable, "-m", "faults.starter", str(theirs.fileno())],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent)])},
        pass_fds=[theirs.fileno()],
        start_new_session=True,
    )
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def main(descriptor: int) -> None:
    """Fork a server for each request, until nobody is left to ask."""
    for name in IMPORTED:
        importlib.import_module(name)
    line = socket.socket(fileno=descriptor)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them here
    while request := line.recv(MOST):
        child = os.fork()
        if not child:
            line.close()
            _become(**json.loads(request))
            return
        line.sendall(str(child).encode())


def _become(words: list[str], log: str, cwd: str, environment: dict[str, str]) -> None:
    """Be a server from here on."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with Path(os.devnull).open() as nothing, Path(log).open("a") as output:
        os.dup2(nothing.fileno(), 0)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = words
    if "/" in words[0]:
        runpy.run_path(words[0], run_name="__main__")
    else:
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
