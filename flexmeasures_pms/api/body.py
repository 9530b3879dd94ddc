"""The body of a request, as it was sent."""

from __future__ import annotations

from flask import request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import BodyTooLarge, UnreadableBody


def whole_body() -> bytes:
    """Return the body.

    :raises UnreadableBody: when it did not arrive whole.
    :raises BodyTooLarge: when more came than is allowed.
    """
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge as error:
        too_large = BodyTooLarge(str(error.description))
        too_large.size = settings().max_body_bytes
        raise too_large from error
    except BadRequest as error:
        raise UnreadableBody(str(error.description)) from error
