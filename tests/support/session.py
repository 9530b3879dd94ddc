"""Logging in by the session's cookie: the form, with its password, takes longer than most pages."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient

if TYPE_CHECKING:
    from conftest import Organisation

Cookie = tuple[str, str]
"""(name, value)."""


def session_cookie(app: Flask, user: Any) -> Cookie:
    """Return the cookie that a user has after logging in.

    What is in it is what Flask-Login and Flask-Security put there.
    """
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert signer is not None
    values = {
        "_user_id": user.get_id(),
        "_fresh": True,
        "fs_cc": "set",
        "fs_paa": time.time(),
    }
    return app.config["SESSION_COOKIE_NAME"], signer.dumps(values)


def log_in(client: FlaskClient, organisation: Organisation) -> FlaskClient:
    """Let a client go on as the member of an organisation."""
    client.set_cookie(*organisation.cookie)
    return client
