"""Maintenance of the demo's database, every hour, as a host has it done by cron."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

_MAIN = "import sys; from flexmeasures.utils.app_utils import flexmeasures_cli as f; sys.exit(f())"
COMMAND = (sys.executable, "-c", _MAIN, "pms", "maintain")
FIRST_SECONDS = 300.0
EVERY_SECONDS = 3_600.0
_LOOK_SECONDS = 0.5


@contextmanager
def maintained(
    data_dir: Path, environment: Mapping[str, str], command: Sequence[str] = COMMAND
) -> Iterator[None]:
    """Maintain for the time of the block, in the background; what is done is in a log.

    :param environment: the variables that lead FlexMeasures to its configuration.
    """
    stop = Event()

    def run() -> None:
        seconds = FIRST_SECONDS
        while not stop.wait(seconds):
            seconds = EVERY_SECONDS
            with (data_dir / "maintain.log").open("w") as output:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=data_dir,  # FlexMeasures writes its log where it is started
                    env={**os.environ, **environment},
                )
                while process.poll() is None and not stop.wait(_LOOK_SECONDS):
                    pass
                process.terminate()
                process.wait()

    thread = Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
