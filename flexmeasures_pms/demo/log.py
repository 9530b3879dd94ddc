"""The demo's own log: what it says on the terminal, and what failed, with times."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

LOG = "demo.log"
LARGEST = 1_000_000
"""Bytes beyond which a start begins the file anew."""


@dataclass(frozen=True, slots=True)
class DemoLog:
    """A file beside the logs of the demo's servers.

    :param path: of the file.
    :param terminal: prints a line.
    """

    path: Path
    terminal: Callable[[str], None]

    def say(self, text: str) -> None:
        """Print a text, and note it."""
        self.terminal(text)
        self.note(text)

    def note(self, text: str) -> None:
        """Write a text into the file only."""
        with self.path.open("a") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}Z {text}\n")

    def failure(self, error: BaseException, *, unforeseen: bool = False) -> str:
        """Note an error, and return what is said of it on the terminal.

        :param unforeseen: also note where in the code it arose.
        """
        text = f"{type(error).__name__}: {error}" if unforeseen else str(error)
        trace = "".join(traceback.format_exception(error)) if unforeseen else ""
        self.note(f"Failed: {text}\n{trace}".rstrip())
        return f"{text}\nThe log is {self.path}; those of the servers are beside it."


def open_log(data_dir: Path, terminal: Callable[[str], None]) -> DemoLog:
    """Return the log of a demo's folder."""
    path = data_dir.resolve() / LOG
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LARGEST:
        path.unlink()
    return DemoLog(path, terminal)
