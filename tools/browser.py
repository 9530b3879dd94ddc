"""``make browser``: get Debian's Chromium for the tests of pages, where there is no browser.

Needs neither root nor the network where there is one. Another program may hold the locks
of the package system: that is waited for.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests")]

from support.chromium import MISSING, chromium  # noqa: E402 - after the path

LONGEST_WAIT = 600
"""How long to wait for another program that installs packages, in seconds."""

LISTS_LOCK = Path("/var/lib/apt/lists/lock")
# dpkg's own lock is waited for by apt-get; that of the lists is not.
APT = ("apt-get", "-qq", "-o", f"DPkg::Lock::Timeout={LONGEST_WAIT}")
INSTALL = (*APT, "install", "--yes", "--no-install-recommends", "chromium")


def main() -> int:
    """Get a browser if there is none. Without one, only the tests of pages fail: never fails."""
    if _there() or (_may_install() and _install() and _there()):
        return 0
    print(f"make: {MISSING} Until then, the tests of pages fail.", file=sys.stderr)
    return 0


def _there() -> bool:
    try:
        chromium()
    except RuntimeError:
        return False
    return True


def _may_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def _install() -> bool:
    """Install the package; with new lists of packages where those at hand do not do."""
    return _run(INSTALL, quiet=True) or (_update() and _run(INSTALL))


def _update() -> bool:
    deadline = time.monotonic() + LONGEST_WAIT
    while _is_locked(LISTS_LOCK) and time.monotonic() < deadline:
        time.sleep(1)
    return _run((*APT, "update"))


def _is_locked(path: Path) -> bool:
    """Tell whether another process holds a file as apt does, by ``fcntl``."""
    try:
        with path.open("r+") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _run(command: tuple[str, ...], *, quiet: bool = False) -> bool:
    errors = subprocess.DEVNULL if quiet else None
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command, check=False, stdout=subprocess.DEVNULL, stderr=errors, env=environment
    )
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
