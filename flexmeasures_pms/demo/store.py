"""What the demo keeps from one start to the next, in files that only its user can read."""

from __future__ import annotations

import os
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec

from flexmeasures_pms.simulator import demo_layout
from flexmeasures_pms.simulator.layout import Layout

# The pack changes cabinets in the morning of the first day.
SWAP_AFTER = timedelta(hours=10)
LONGEST_OUTAGE = timedelta(days=2)


class Access(msgspec.Struct, frozen=True):
    """The logins of the demo.

    :param complete: the site has been registered too.
    """

    account_id: int
    email: str
    password: str
    auth_token: str
    viewer_email: str
    viewer_password: str
    complete: bool = False


class SentHistory(msgspec.Struct):
    """What the simulated site has sent.

    :param since: its first moment; everything it does depends on this and the seed.
    :param until: its readings up to this moment have been sent.
    """

    since: datetime
    until: datetime

    def layout(self) -> Layout:
        """Return the site, with its swap on the first day."""
        return demo_layout(self.since + SWAP_AFTER)


Stored = TypeVar("Stored", Access, SentHistory)


def keep(data_dir: Path, value: Access | SentHistory) -> None:
    """Write a value so that it is either whole or as before."""
    path = _path(data_dir, type(value))
    fresh = path.with_suffix(".new")
    write_private(fresh, msgspec.json.encode(value))
    fresh.replace(path)


def recall(data_dir: Path, kind: type[Stored]) -> Stored | None:
    """Return the value of a kind that was kept, or None at the first start."""
    path = _path(data_dir, kind)
    if not path.exists():
        return None
    return msgspec.json.decode(path.read_bytes(), type=kind)


def history(data_dir: Path, now: datetime) -> SentHistory:
    """Return what was sent so far; at the first start, nothing since yesterday's midnight.

    :param now: in the site's timezone.
    """
    found = recall(data_dir, SentHistory)
    if found is None:
        yesterday = midnight(now) - timedelta(days=1)
        found = SentHistory(since=yesterday, until=yesterday)
        keep(data_dir, found)
    return found


def site_now() -> datetime:
    """Return this moment in the site's timezone."""
    return datetime.now(demo_layout().zone)


def whole_minute(moment: datetime) -> datetime:
    """Return a moment without its seconds."""
    return moment.replace(second=0, microsecond=0)


def midnight(moment: datetime) -> datetime:
    """Return the beginning of a moment's day, in its own timezone."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def secret_key(data_dir: Path) -> str:
    """Return the key that logins and tokens of this demo are signed with."""
    path = data_dir / "secret_key"
    if not path.exists():
        write_private(path, secrets.token_hex(24).encode())
    return path.read_text()


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only we can read, from its first byte."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _path(data_dir: Path, kind: type[Access | SentHistory]) -> Path:
    return data_dir / f"{kind.__name__.lower()}.json"
