"""The blueprint of the API.

The prefix is not under ``/api/`` on purpose: FlexMeasures' rate limiter there counts per
user and, without Redis, stalls every request for seconds.
"""

from __future__ import annotations

from typing import NoReturn, cast

from flask import Blueprint, Flask, request
from flask.blueprints import BlueprintSetupState
from flexmeasures.api.common.rate_limiting import limiter
from werkzeug.exceptions import NotFound

from flexmeasures_pms import config
from flexmeasures_pms.api import failures
from flexmeasures_pms.api.route import PREFIX
from flexmeasures_pms.api.routes import ROUTES
from flexmeasures_pms.serving import incoming, timeouts
from flexmeasures_pms.serving.compress import compressed
from flexmeasures_pms.serving.start import read_settings, say_tables
from flexmeasures_pms.serving.threads import share_the_process

ANY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE"]

pms_api = Blueprint("pms_api", "flexmeasures_pms.api")

failures.register(pms_api)
pms_api.before_request(share_the_process)
pms_api.before_request(failures.refuse_control_characters)
# The first of these is called last.
pms_api.after_request(failures.finish)
pms_api.after_request(failures.not_the_senders_fault)
pms_api.after_request(compressed)
for route in ROUTES:
    pms_api.add_url_rule(
        route.path.replace("{", "<").replace("}", ">"),
        endpoint=route.operation,
        view_func=route.view,
        # A dataset that does not exist is 404 whatever the method.
        methods=ANY_METHOD if route.method == "POST" else ["GET"],
    )


@pms_api.route(f"{PREFIX}/<path:rest>", methods=ANY_METHOD)
def no_such_route(rest: str) -> NoReturn:
    """Answer 404 as JSON for every other path below the prefix."""
    raise NotFound(f"There is no {request.method} {PREFIX}/{rest[:80]}; see {PREFIX}/openapi.json.")


def _most_bytes() -> int:
    return config.settings().max_body_bytes


@pms_api.record_once
def _at_registration(state: BlueprintSetupState) -> None:
    app = cast(Flask, state.app)
    read_settings(app)
    say_tables(app)
    timeouts.install(app, pms_api)
    # FlexMeasures' limits count below /api/ only; checking them costs 2.6 ms a request.
    limiter.exempt(pms_api)
    incoming.install(app, pms_api, _most_bytes)
