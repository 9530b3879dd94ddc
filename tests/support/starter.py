"""Starting servers and commands from a process that has imported FlexMeasures already.

Importing takes most of the time of a start, and a world starts FlexMeasures four times and more.
So it is imported once, in a process that is forked for each server. A server makes an application
of its own, from its own configuration, and has processes, a log and a session of its own. So has
a command.
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
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NoReturn

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
    child = _fork(server.command, server.cwd, server.environment or os.environ, server.log)
    process = psutil.Process(child)
    try:
        note(server.record, process.pid)
        wait_until_ready(server, lambda: not process.is_running())
        yield
    finally:
        stop_recorded(server.record)


@dataclass(frozen=True, slots=True)
class Command:
    """A command that runs, or has run.

    :param folder: where what it prints is kept.
    """

    pid: int
    folder: Path

    @property
    def stdout(self) -> str:
        """What it has printed so far."""
        return (self.folder / "stdout").read_text()

    @property
    def stderr(self) -> str:
        """What it has printed to standard error so far."""
        return (self.folder / "stderr").read_text()

    def wait(self, seconds: float = 120) -> int:
        """Wait until it has ended, and return its exit code."""
        with suppress(psutil.NoSuchProcess):
            psutil.Process(self.pid).wait(seconds)
        return int((self.folder / "code").read_text())


def flexmeasures(cwd: Path, environment: Mapping[str, str], *words: str) -> Command:
    """Start a command: ``flexmeasures(folder, environment, "pms", "tree")``."""
    program = Path(sys.executable).with_name("flexmeasures")
    folder = Path(tempfile.mkdtemp(dir=cwd))
    output = folder / "stdout", folder / "stderr"
    for file in output:
        file.touch()
    child = _fork([str(program), *words], cwd, environment, *output, folder / "code")
    return Command(child, folder)


def _fork(
    words: Sequence[str], cwd: Path | None, environment: Mapping[str, str], *files: Path
) -> int:
    """Start a process, and return its id.

    :param files: for its output, its errors if they are not to be there too, and its exit code.
    """
    request = {
        "words": [*words],
        "cwd": str(cwd),
        "environment": dict(environment),
        "files": [*map(str, files)],
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
        [sys.executable, "-m", "support.starter", str(theirs.fileno())],
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
        line.sendall(str(child).encode())


def _become(words: list[str], cwd: str, environment: dict[str, str], files: list[str]) -> NoReturn:
    """Be a server or a command from here on."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    output, errors, code = (*files, "", "")[:3]
    for number, name in ((1, output), (2, errors or output)):
        with Path(name).open("a") as file:
            os.dup2(file.fileno(), number)
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = words
    if code:
        Path(code).write_text("1")  # of Python itself, where something is raised
    ended = _run(words[0])
    if code:
        Path(code).write_text(str(ended))
    sys.exit(ended)


def _run(program: str) -> int:
    """Run a program's file, or a module, and return its exit code."""
    try:
        if "/" in program:
            runpy.run_path(program, run_name="__main__")
        else:
            runpy.run_module(program, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    main(int(sys.argv[1]))
