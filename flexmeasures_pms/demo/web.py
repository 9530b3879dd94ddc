"""FlexMeasures as a separate web server, under gunicorn."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from subprocess import Popen
from typing import TYPE_CHECKING

from flexmeasures_pms.demo.account import ServerError
from flexmeasures_pms.demo.process import Server, running

if TYPE_CHECKING:
    from flask import Flask

HOST = "127.0.0.1"
START_SECONDS = 300.0
DATA_DIR_VARIABLE = "FLEXMEASURES_PMS_DEMO_DATA_DIR"

COMMAND = (
    *("-m", "gunicorn", "flexmeasures_pms.demo.web:application()"),
    # Loading FlexMeasures takes long: once, before the workers are forked.
    "--preload",
    *("--workers", "2", "--threads", "8", "--timeout", "120", "--graceful-timeout", "2"),
    *("--no-control-socket", "--log-level", "warning"),
)


def application() -> Flask:
    """Make and prepare the application. Gunicorn calls this in the process it starts."""
    from flexmeasures.app import create

    from flexmeasures_pms.demo.prepare import prepare

    app: Flask = create()
    prepare(app, Path(os.environ[DATA_DIR_VARIABLE]))
    return app


@contextmanager
def web_server(data_dir: Path, port: int, environment: Mapping[str, str]) -> Iterator[Popen[str]]:
    """Run FlexMeasures for the time of the block; it is ready when the block begins.

    :param environment: the variables that lead FlexMeasures to its configuration.
    :raises ServerError: when the port is taken, or it does not start.
    """
    ensure_free(port)
    data_dir = data_dir.resolve()
    server = Server(
        [sys.executable, *COMMAND, "--bind", f"{HOST}:{port}"],
        record=data_dir / "web.json",
        log=data_dir / "web.log",
        ready=lambda: answers(port),
        seconds=START_SECONDS,
        cwd=data_dir,  # FlexMeasures writes its log where it is started
        environment={**os.environ, **environment, DATA_DIR_VARIABLE: str(data_dir)},
    )
    with running(server) as process:
        yield process


def ensure_free(port: int) -> None:
    """Check that a port is free.

    :raises ServerError: saying how to choose another.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ServerError(
                f"Port {port} is not available ({error.strerror}): choose another with "
                f"--port {port + 1} (make demo PORT={port + 1})."
            ) from error


def answers(port: int) -> bool:
    """Return whether FlexMeasures answers on a port and is ready."""
    # Not by urllib: it would use a proxy of the environment.
    connection = HTTPConnection(HOST, port, timeout=10)
    with closing(connection), suppress(OSError, HTTPException):
        connection.request("GET", "/api/v3_0/health/ready")
        return connection.getresponse().status == HTTPStatus.OK
    return False
