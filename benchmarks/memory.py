"""The most memory that a process has used, as Linux keeps it, in MB."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

import psutil


def peak_of(processes: Iterable[int]) -> int:
    """Return the most memory that one of some processes has used since it began, or was reset."""
    return max((_peak(number) for number in processes), default=0)


def family(process: int) -> list[int]:
    """Return a process and all that it has started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        found = psutil.Process(process)
        return [process, *(child.pid for child in found.children(recursive=True))]
    return []


def reset() -> None:
    """Forget this process's peak: what it uses from now on counts."""
    Path("/proc/self/clear_refs").write_text("5")


def own_peak() -> int:
    """Return this process's own."""
    return _peak(os.getpid())


def _peak(process: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) >> 10
    return 0
