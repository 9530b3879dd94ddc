"""The blueprint of the API.

The prefix is not under ``/api/`` on purpose: FlexMeasures' rate limiter there counts per
user and, without Redis, stalls every request for seconds.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from flask.blueprints import BlueprintSetupState

from flexmeasures_pms import config
from flexmeasures_pms.api import datasets, documentation, failures

pms_api = Blueprint("pms_api", "flexmeasures_pms.api")

failures.register(pms_api)
for prefix in ("/pms/api/v1", ""):
    pms_api.add_url_rule(
        f"{prefix}/devices/dataset/<dataset>",
        endpoint=f"post_dataset{'' if prefix else '_alias'}",
        view_func=datasets.post_dataset,
        methods=["POST"],
    )
pms_api.add_url_rule("/pms/api/v1/openapi.json", view_func=documentation.openapi, methods=["GET"])


def _bound_body() -> None:
    """Bound the body before anyone reads it: FlexMeasures' token check would parse it all."""
    if request.blueprint == pms_api.name:
        request.max_content_length = config.settings().max_body_bytes


@pms_api.record_once
def _at_registration(state: BlueprintSetupState) -> None:
    config.init(state.app)
    before: list[Any] = state.app.before_request_funcs.setdefault(None, [])
    before.insert(0, _bound_body)
