"""A thread that is busy lets the others of its process run."""

from __future__ import annotations

import gc
import sys

from flask.testing import FlaskClient

from flexmeasures_pms.serving.threads import share_the_process


def test_what_was_loaded_before_the_first_request_is_not_searched(client: FlaskClient) -> None:
    share_the_process.cache_clear()  # other tests may have thawed what it froze
    client.get("/pms/api/v1/fleet")

    # FlexMeasures alone loads several hundred thousand objects.
    assert gc.get_freeze_count() > 100_000


def test_threads_do_not_wait_long_for_a_busy_one(client: FlaskClient) -> None:
    client.get("/pms/api/v1/fleet")

    assert sys.getswitchinterval() < 0.001
