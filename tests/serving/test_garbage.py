"""What a process loaded is not searched for garbage again and again."""

from __future__ import annotations

import gc

from flask.testing import FlaskClient


def test_what_was_loaded_before_the_first_request_is_not_searched(client: FlaskClient) -> None:
    client.get("/pms/api/v1/fleet")

    # FlexMeasures alone loads several hundred thousand objects.
    assert gc.get_freeze_count() > 100_000
