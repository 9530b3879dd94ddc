"""A host in a folder: Debian's PostgreSQL and Redis, and a shell that runs commands there.

The servers of the system are left alone: these have ports of their own, and end with the script.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

DEBIAN = Path("/usr/lib/postgresql")
PACKAGES = ("redis-server", "redis-tools", "liblzf1", "libjemalloc2", "liblua5.1-0", "lua-bitop",
            "lua-cjson", "libhiredis0.14")  # fmt: skip
SUDO = """#!/bin/sh
# The guide's `sudo -u postgres COMMAND`, at the script's own server.
[ "$1" = -u ] && [ "$2" = postgres ] || exit 1
shift 2
PGHOST={sockets} PGPORT={port} PGUSER=postgres exec "$@"
"""
END = "=== end of command"


class HostError(Exception):
    """Something is not as the guide says; the message says what."""


def free_port() -> int:
    """Return a port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait(ready: Callable[[], bool], what: str, seconds: float = 300) -> None:
    """Wait until something is so.

    :raises HostError: if it does not come about.
    """
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise HostError(f"{what}: not after {seconds:.0f} s")
        time.sleep(0.2)


@contextmanager
def process(command: list[str], log: Path, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for the time of the block."""
    with log.open("ab") as output:
        started = subprocess.Popen(command, stdout=output, stderr=output, **options)  # type: ignore[call-overload]
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(30)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


@contextmanager
def postgresql(folder: Path) -> Iterator[tuple[Path, int]]:
    """Run Debian's newest PostgreSQL; yield the folder of its socket, and its port."""
    programs = postgresql_programs()
    account: Mapping[str, str] = (
        {"user": "postgres", "group": "postgres"} if not os.getuid() else {}
    )
    data, port = folder / "postgresql", free_port()
    data.mkdir()
    if account:
        shutil.chown(data, **account)
    making = [programs / "initdb", "--pgdata", data / "data", "--username", "postgres"]
    making += ["--auth-local", "trust", "--auth-host", "scram-sha-256", "--encoding", "UTF8"]
    subprocess.run(making, check=True, stdout=subprocess.DEVNULL, cwd=data, **account)  # type: ignore[call-overload]
    settings = {"port": port, "unix_socket_directories": data, "fsync": "off"}
    command = [str(programs / "postgres"), "-D", str(data / "data")]
    command += [f"--{name}={value}" for name, value in settings.items()]
    with process(command, folder / "postgresql.log", cwd=data, **account):
        check = [str(programs / "pg_isready"), "--host", str(data), "--port", str(port), "--quiet"]
        wait(lambda: not subprocess.run(check, check=False).returncode, "PostgreSQL answers")
        yield data, port


def postgresql_programs() -> Path:
    """Return the folder of PostgreSQL's programs.

    :raises HostError: if Debian's package is not installed.
    """
    found = sorted(DEBIAN.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise HostError("Debian's package postgresql is not installed.")
    return found[-1].parent


@contextmanager
def redis(folder: Path, password: str) -> Iterator[int]:
    """Run Debian's Redis; yield its port."""
    port = free_port()
    program, environment = _redis_program(folder)
    text = f'bind 127.0.0.1\nport {port}\nrequirepass "{password}"\nsave ""\ndir {folder}\n'
    (folder / "redis.conf").write_text(text)
    with process(
        [program, str(folder / "redis.conf")], folder / "redis.log", env=environment, cwd=folder
    ) as started:
        wait(lambda: _listens(port), "Redis answers")
        if started.poll() is not None:
            raise HostError("Redis has stopped: see redis.log.")
        yield port


def _redis_program(folder: Path) -> tuple[str, dict[str, str]]:
    """Return Debian's server: the system's, or that of the package, unpacked here."""
    if found := shutil.which("redis-server"):
        return found, dict(os.environ)
    place = folder / "packages"
    place.mkdir()
    run = subprocess.run(
        ["apt-get", "--quiet", "download", *PACKAGES], cwd=place, check=False, capture_output=True
    )
    if run.returncode:
        raise HostError("There is no redis-server, and apt-get can't download it.")
    for package in place.glob("*.deb"):
        subprocess.run(["dpkg", "--extract", str(package), str(place / "root")], check=True)
    libraries = {str(path.parent) for path in (place / "root").rglob("*.so.*")}
    program = place / "root" / "usr" / "bin" / "redis-server"
    return str(program), {**os.environ, "LD_LIBRARY_PATH": ":".join(sorted(libraries))}


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def get(url: str, headers: Mapping[str, str] | None = None) -> str:
    """Return what a server replies, or nothing if it does not."""
    opener = build_opener(ProxyHandler({}))
    opener.addheaders = list((headers or {}).items())
    try:
        with opener.open(url, timeout=30) as reply:
            return str(reply.read().decode())
    except OSError:
        return ""


class Shell:
    """A shell that runs one command after the other, so that variables and folders stay."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            cwd=folder,
            start_new_session=True,  # no terminal: passwords are read from standard input
        )

    def run(self, command: str, typed: tuple[str, ...] = ()) -> tuple[int, str]:
        """Run a command; return its exit code and what it printed."""
        assert self._process.stdin is not None  # noqa: S101 - a pipe
        assert self._process.stdout is not None  # noqa: S101 - a pipe
        answers = "".join(f"{line}\n" for line in typed)
        # Commands must not read the shell's own input.
        source = f"<<'{END}'\n{answers}{END}" if typed else "</dev/null"
        self._process.stdin.write(f"{{ {command}\n}} {source}\ncode=$?\necho; echo '{END}' $code\n")
        self._process.stdin.flush()
        printed: list[str] = []
        for line in self._process.stdout:
            if line.startswith(END):
                return int(line.removeprefix(END)), "".join(printed).removesuffix("\n")
            printed.append(line)
        raise HostError(f"The shell has ended: {''.join(printed)}")

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()


@contextmanager
def shell(folder: Path, sockets: Path, port: int) -> Iterator[Shell]:
    """Have a shell as of the guide's user, whose home is the folder ``home``."""
    programs, home = folder / "bin", folder / "home"
    programs.mkdir()
    home.mkdir(exist_ok=True)
    (programs / "sudo").write_text(SUDO.format(sockets=sockets, port=port))
    (programs / "sudo").chmod(0o755)
    # The guide's python3 is the one that runs this script, without its environment.
    (programs / "python3").symlink_to(Path(sys.executable).resolve())
    before = Path.home()
    environment = {
        **{name: value for name, value in os.environ.items() if not _misleads(name)},
        "HOME": str(home),
        "PATH": os.pathsep.join(map(str, (programs, postgresql_programs(), os.environ["PATH"]))),
        "LANG": "C.UTF-8",
        # What pip and npm know of the user who runs this: package indexes, and caches.
        "XDG_CONFIG_HOME": os.environ.get("XDG_CONFIG_HOME", str(before / ".config")),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(before / ".cache")),
        # Python compiles what it imports: not all that is installed.
        "PIP_NO_COMPILE": "1",
        "npm_config_userconfig": str(before / ".npmrc"),
        "npm_config_cache": str(before / ".npm"),
    }
    with ExitStack() as stack:
        made = Shell(environment, folder)
        stack.callback(made.close)
        yield made


def _misleads(name: str) -> bool:
    return name.startswith(("PG", "FLEXMEASURES", "SQLALCHEMY", "PYTHON", "VIRTUAL_ENV"))
