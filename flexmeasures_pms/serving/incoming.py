"""What comes in with a request of our blueprints: the whole body, and a token in one place.

Servers and Werkzeug leave two checks to the application, for the API and the pages alike.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import IO, Any, cast

from flask import Blueprint, Flask, Request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.utils import cached_property

_OURS = "flexmeasures_pms_incoming"

CUT_OFF = "The request was cut off, or its chunks are malformed"
LoadUser = Callable[[Request], Any]


def install(app: Flask, blueprint: Blueprint) -> None:
    """Check what comes in with a blueprint's requests."""
    ours: set[str] = app.extensions.setdefault(_OURS, set())
    if not ours:
        app.request_class = _whole_bodies(app.request_class, ours)
        manager = cast(Any, app).login_manager
        manager.request_loader(_header_alone(manager.request_callback, ours))
    ours.add(blueprint.name)


def _whole_bodies(base: type[Request], ours: set[str]) -> type[Request]:
    class PmsRequest(base):  # type: ignore[misc, valid-type]
        @cached_property
        def stream(self) -> IO[bytes]:
            found: IO[bytes] = super().stream
            if self.blueprint not in ours:
                return found
            return cast("IO[bytes]", WholeBody(found, self.content_length))

    return PmsRequest


class WholeBody(io.RawIOBase):
    """A body of which nothing may be missing.

    Gunicorn passes on a request that was cut off, and raises its own errors for malformed
    chunks. The first half of a CSV file or a form looks complete.

    :param server: the server's stream.
    :param announced: the length that the request states, if any.
    """

    def __init__(self, server: IO[bytes], announced: int | None) -> None:
        self._server = server
        self._announced = announced
        self._came = 0

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Read some bytes, by default all.

        :raises BadRequest: when the body ends before its end.
        """
        size = -1 if size is None else size
        try:
            data = self._server.read(size)
        except RequestEntityTooLarge:
            raise
        except Exception as error:
            raise BadRequest(f"{CUT_OFF}. Nothing of it was stored. Send it again.") from error
        self._came += len(data)
        if size < 0 or (size and not data):
            self._require_all()
        return data

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, as :meth:`read` does."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _require_all(self) -> None:
        if self._came < (self._announced or 0):
            raise BadRequest(
                f"{CUT_OFF}: {self._came} of {self._announced} bytes came. Nothing of it was "
                "stored. Send it again."
            )


def _header_alone(load: LoadUser, ours: set[str]) -> LoadUser:
    """Return a way to load the user of a request by the token in its header.

    Flask-Security also takes ``?auth_token=``, before the header. URLs are logged by every
    proxy, and are shared. It also looks for a token in each JSON body: it would parse
    megabytes of telemetry a second time, and any nesting, before a limit is reached.
    """

    def load_user(request: Request) -> Any:
        # Without a route, the reply may still say who asked.
        if request.blueprint is not None and request.blueprint not in ours:
            return load(request)
        headers = {name: text for name, text in request.environ.items() if name.startswith("HTTP_")}
        bare = {"REQUEST_METHOD": "GET", "wsgi.url_scheme": "http", "SERVER_NAME": "localhost"}
        return load(Request({**bare, "SERVER_PORT": "80", **headers}))

    return load_user
