"""The servers that FlexMeasures needs: those of the environment, or embedded ones."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from flexmeasures_pms.demo.postgres import postgres
from flexmeasures_pms.demo.process import only_user
from flexmeasures_pms.demo.valkey import valkey

DATABASE_VARIABLE = "SQLALCHEMY_DATABASE_URI"
REDIS_VARIABLE = "FLEXMEASURES_REDIS_URL"
DEFAULT_REDIS_PORT = 6379


@dataclass(frozen=True, slots=True)
class Servers:
    """Where PostgreSQL and Redis are.

    :param programs: the folder of psql and pg_dump of an embedded server.
    """

    database_uri: str
    redis_host: str
    redis_port: int
    redis_password: str
    programs: Path | None = None


@contextmanager
def servers(
    data_dir: Path,
    environ: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
) -> Iterator[Servers]:
    """Provide a database and Redis for the time of the block.

    With ``SQLALCHEMY_DATABASE_URI`` and ``FLEXMEASURES_REDIS_URL`` in the environment
    nothing is started.

    :param data_dir: where embedded servers keep their data, for one command at a time.
    :param options: of an embedded PostgreSQL, where its defaults do not fit.
    :raises ServerError: when one does not start, or another command uses the folder.
    """
    named = os.environ if environ is None else environ
    with ExitStack() as stack:
        stack.enter_context(only_user(data_dir))
        uri, programs = named.get(DATABASE_VARIABLE, ""), None
        if not uri:
            database = stack.enter_context(postgres(data_dir, options))
            database.ensure_database()
            uri, programs = database.uri(), database.programs
        host = named.get(REDIS_VARIABLE, "")
        port = int(named.get("FLEXMEASURES_REDIS_PORT", DEFAULT_REDIS_PORT))
        password = named.get("FLEXMEASURES_REDIS_PASSWORD", "")
        if not host:
            redis = stack.enter_context(valkey(data_dir))
            host, port, password = redis.host, redis.port, redis.password
        yield Servers(uri, host, port, password, programs)


@contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, so that servers are stopped.

    Further signals do not disturb the stopping.
    """
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = [(number, signal.signal(number, interrupt)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
