"""Remove a demo's data."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

from flexmeasures_pms.demo.account import ServerError
from flexmeasures_pms.demo.postgres import postgres_home
from flexmeasures_pms.demo.process import only_user, stop_recorded


def clean(data_dir: Path) -> bool:
    """Remove a data folder and its files elsewhere; return False if there is none.

    :raises ServerError: when the demo is running, or the folder is not a demo's.
    """
    if not data_dir.exists():
        return False
    if not (data_dir / "lock").exists():
        raise ServerError(f"{data_dir} is not a demo's data: nothing was removed.")
    data_dir = data_dir.resolve()
    with only_user(data_dir):
        home = postgres_home(data_dir)
        stop_recorded(data_dir / "web.json")
        stop_recorded(data_dir / "valkey.json")
        stop_recorded(home / "postgres.json", signal.SIGINT)
        for folder in {home, data_dir}:
            shutil.rmtree(folder)
    return True
