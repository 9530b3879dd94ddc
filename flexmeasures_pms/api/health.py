"""``GET …/health``: whether telemetry can be stored, for load balancers and for admins."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response
from flexmeasures.auth.policy import user_has_admin_access

from flexmeasures_pms.api.common import ERRORS, UNEXPECTED
from flexmeasures_pms.api.credentials import caller
from flexmeasures_pms.api.failures import reply
from flexmeasures_pms.api.replies import Error
from flexmeasures_pms.api.route import PREFIX, AnyOf, Reply, Route
from flexmeasures_pms.errors import AccessError
from flexmeasures_pms.gateways.caller import READ
from flexmeasures_pms.serving import health
from flexmeasures_pms.serving.health import Health, HealthDetails, HealthStatus

_CODES: dict[HealthStatus, int] = {"ok": 200, "unavailable": 503}


def short_health() -> Response:
    """Reply whether telemetry can be stored, without credentials."""
    found = health.health()
    return reply(_CODES[found.status], found)


def detailed_health() -> Response:
    """Reply with what was found, to FlexMeasures' admins."""
    sender = caller(datetime.now(UTC))
    if sender.user is None or not user_has_admin_access(sender.user, READ):
        raise AccessError(f"Only admins of FlexMeasures may read this; see {PREFIX}/health.")
    found = health.health_details()
    return reply(_CODES[found.status], found)


_UNHEALTHY = AnyOf(
    "Unhealthy",
    "What was found; or only that the database does not answer, so that nobody is recognised.",
    (HealthDetails, Error),
)

HEALTH: tuple[Route, ...] = (
    Route(
        "getHealth",
        f"{PREFIX}/health",
        short_health,
        tag="health",
        summary="Whether telemetry can be stored, for load balancers",
        description="It needs no credentials. A process looks at most every 5 seconds.",
        replies={
            200: Reply("The database answers, and the tables are those of the code.", Health),
            503: Reply("Telemetry would be refused.", Health),
        },
        errors={500: UNEXPECTED},
        security=(),
    ),
    Route(
        "getHealthDetails",
        f"{PREFIX}/health/details",
        detailed_health,
        tag="health",
        summary="The same, with what was found, for admins of FlexMeasures",
        description="A check that failed is a reason for 503; a warning is none.",
        replies={
            200: Reply("What was found.", HealthDetails),
            503: Reply("Telemetry would be refused.", _UNHEALTHY),
        },
        errors={code: words for code, words in ERRORS.items() if code != 503}
        | {403: "The sender is no admin of FlexMeasures."},
        security=("token", "session"),
    ),
)
