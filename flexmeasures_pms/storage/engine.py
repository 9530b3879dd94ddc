"""Connections beside those of requests: each is opened for one question, and closed."""

from __future__ import annotations

from typing import Any

from flask import Flask
from sqlalchemy import Engine, NullPool, create_engine


def own_engine(app: Flask, **limits: Any) -> Engine:
    """Return an engine to FlexMeasures' database that keeps no connection.

    Workers that are forked later must not share one, and a pool may be used up.

    :param limits: arguments for connecting, instead of those that the host has set.
    """
    options = app.config.get("SQLALCHEMY_ENGINE_OPTIONS") or {}
    arguments = {**options.get("connect_args", {}), **limits}
    return create_engine(
        app.config["SQLALCHEMY_DATABASE_URI"], poolclass=NullPool, connect_args=arguments
    )
