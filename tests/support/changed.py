"""Other settings of the plugin than a host could set, or for a short time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from flask import Flask

_EXTENSION = "flexmeasures_pms"


@contextmanager
def changed_settings(app: Flask, **changes: Any) -> Iterator[None]:
    """Have other settings for the time of the block: ``lock_timeout=0.1``.

    :param changes: attributes of :class:`flexmeasures_pms.config.Settings`.
    """
    before = app.extensions[_EXTENSION]
    app.extensions[_EXTENSION] = replace(before, **changes)
    try:
        yield
    finally:
        app.extensions[_EXTENSION] = before
