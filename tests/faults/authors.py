"""People who type commands: processes that run the commands of the command line.

Starting FlexMeasures takes long, so it is done once, and each author is forked from there. An
author takes a connection, and for each line with the words of a command answers with a line:
the exit code and what was printed. One that dies is replaced.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

HOST = "127.0.0.1"


def main(port: int, count: int) -> None:
    """Serve until told to stop."""
    from flexmeasures.app import create
    from flexmeasures.data import db

    app: Flask = create()
    with app.app_context():
        db.engine.dispose()
    listener = socket.create_server((HOST, port), backlog=32)
    children: set[int] = set()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        while True:
            while len(children) < count:
                children.add(_author(app, listener))
            children.discard(os.wait()[0])
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)


def _author(app: Flask, listener: socket.socket) -> int:
    child = os.fork()
    if child:
        return child
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = os.getppid()
    listener.settimeout(1)
    while os.getppid() == parent:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        with connection, connection.makefile("rw") as lines:
            for line in lines:
                lines.write(json.dumps(_run(app, json.loads(line))) + "\n")
                lines.flush()
    os._exit(0)


def _run(app: Flask, words: list[str]) -> dict[str, object]:
    done = app.test_cli_runner().invoke(args=words)
    raised = done.exception
    odd = None if raised is None or isinstance(raised, SystemExit) else repr(raised)
    return {"code": done.exit_code, "printed": done.output, "raised": odd}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
