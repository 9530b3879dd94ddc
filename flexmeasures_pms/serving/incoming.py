"""What comes in with a request of our blueprints: a bounded, whole body, and a token in one place.

Servers and Werkzeug leave these checks to the application, for the API and the pages alike.
They hold for each URL below a route of ours, also with a wrong method or an unknown path.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Mapping
from typing import IO, Any, cast

from flask import Blueprint, Flask, Request, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.utils import cached_property

_OURS = "flexmeasures_pms_incoming"

URLENCODED = "application/x-www-form-urlencoded"
CUT_OFF = "The request was cut off, or its chunks are malformed"
MOST_FIELDS = 1_000
"""Fields of a form, where the host's ``MAX_FORM_PARTS`` says nothing."""

LoadUser = Callable[[Request], Any]
Bound = Callable[[], int]
"""Returns how many bytes a request body of a blueprint may have."""


def install(app: Flask, blueprint: Blueprint, most: Bound) -> None:
    """Check what comes in with a blueprint's requests.

    :param most: the maximum size of a body as sent [bytes].
    """
    ours: dict[str, Bound] = app.extensions.setdefault(_OURS, {})
    if not ours:
        app.request_class = _bounded_request(app.request_class, BodyBounds(app, ours))
        manager = cast(Any, app).login_manager
        manager.request_loader(_header_alone(manager.request_callback, ours))
        # First of all: nothing of FlexMeasures or of another plugin has read the body yet.
        app.before_request_funcs.setdefault(None, []).insert(0, _refuse_large)
    ours[blueprint.name] = most


class BodyBounds:
    """How large the bodies of requests to our URLs may be.

    :param ours: the bound of each blueprint, by its name.
    """

    def __init__(self, app: Flask, ours: Mapping[str, Bound]) -> None:
        self._app = app
        self._ours = ours

    def of(self, blueprint: str | None, path: str) -> int | None:
        """Return the bound of a request [bytes], or None if it is not ours.

        :param blueprint: of the route that was found; None without one.
        """
        if blueprint is None:
            blueprint = next((b for prefix, b in self._prefixes if _is_below(path, prefix)), None)
        bound = self._ours.get(blueprint or "")
        return None if bound is None else bound()

    @cached_property
    def _prefixes(self) -> list[tuple[str, str]]:
        """Return where our routes begin, with their blueprints, the longest first."""
        found = {
            rule.rule.partition("<")[0].rstrip("/"): rule.endpoint.rpartition(".")[0]
            for rule in self._app.url_map.iter_rules()
        }
        ours = ((prefix, b) for prefix, b in found.items() if prefix and b in self._ours)
        return sorted(ours, key=lambda item: -len(item[0]))


def _is_below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")


def _bounded_request(base: type[Request], bounds: BodyBounds) -> type[Request]:
    class PmsRequest(base):  # type: ignore[misc, valid-type]
        @cached_property
        def _most(self) -> int | None:
            return bounds.of(self.blueprint, self.path)

        @property
        def max_content_length(self) -> int | None:
            found: int | None = super().max_content_length
            # Werkzeug's stream ends at its limit as if the body did: one more byte tells.
            return found if self._most is None else self._most + 1

        @max_content_length.setter
        def max_content_length(self, value: int | None) -> None:
            self._max_content_length = value

        @property
        def is_json(self) -> bool:
            # Whoever asks would have the whole body parsed: Flask-Security looks for a token.
            found: bool = super().is_json
            return found and self._most is None

        @cached_property
        def stream(self) -> IO[bytes]:
            if self._most is None:
                return cast("IO[bytes]", super().stream)
            refuse_larger(self._most, self.content_length)
            return cast("IO[bytes]", WholeBody(super().stream, self.content_length, self._most))

        def make_form_data_parser(self) -> FormDataParser:
            parser: FormDataParser = super().make_form_data_parser()
            if self._most is None:
                return parser
            return FewFields(
                self._get_file_stream,
                parser.max_form_memory_size,
                parser.max_content_length,
                self.parameter_storage_class,
                max_form_parts=parser.max_form_parts or MOST_FIELDS,
            )

    return PmsRequest


class FewFields(FormDataParser):
    """A form of which the number of fields is limited, also where it is urlencoded."""

    def parse(
        self,
        stream: IO[bytes],
        mimetype: str,
        content_length: int | None,
        options: dict[str, str] | None = None,
    ) -> Any:
        """Parse a form as Werkzeug does.

        :raises RequestEntityTooLarge: saying what is allowed.
        """
        most = self.max_form_parts or MOST_FIELDS
        if mimetype == URLENCODED:
            data = stream.read()
            if data.count(b"&") >= most:
                raise _large_form(most, self.max_form_memory_size)
            stream = io.BytesIO(data)
        try:
            return super().parse(stream, mimetype, content_length, options)
        except RequestEntityTooLarge as error:
            if error.description != RequestEntityTooLarge.description:
                raise
            raise _large_form(most, self.max_form_memory_size) from error


def _large_form(fields: int, size: int | None) -> RequestEntityTooLarge:
    limit = f", or one of more than {size} bytes" if size else ""
    return RequestEntityTooLarge(f"The form has more than {fields} fields{limit}. Send less.")


def _refuse_large() -> None:
    """Refuse a request to one of our URLs that announces too large a body."""
    most = getattr(request, "_most", None)
    if most is not None:
        refuse_larger(most, request.content_length)


def refuse_larger(most: int, size: int | None) -> None:
    """Refuse a body that is larger than allowed.

    :raises RequestEntityTooLarge: saying what is allowed.
    """
    if size is not None and size > most:
        raise RequestEntityTooLarge(
            f"The request body is larger than {most} bytes. Send it in several requests."
        )


class WholeBody(io.RawIOBase):
    """A body of which nothing may be missing.

    Gunicorn passes on a request that was cut off, and raises its own errors for malformed
    chunks. The first half of a CSV file or a form looks complete.

    :param server: the server's stream.
    :param announced: the length that the request states, if any.
    :param most: how many bytes may come.
    """

    def __init__(self, server: IO[bytes], announced: int | None, most: int | None = None) -> None:
        self._server = server
        self._announced = announced
        self._most = most
        self._came = 0

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Read some bytes, by default all.

        :raises BadRequest: when the body ends before its end.
        :raises RequestEntityTooLarge: when it is larger than allowed.
        """
        size = -1 if size is None else size
        try:
            data = self._server.read(size)
        except RequestEntityTooLarge:
            raise
        except Exception as error:
            raise BadRequest(f"{CUT_OFF}. Nothing of it was stored. Send it again.") from error
        self._came += len(data)
        if self._most is not None:
            refuse_larger(self._most, self._came)
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


def _header_alone(load: LoadUser, ours: Collection[str]) -> LoadUser:
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
