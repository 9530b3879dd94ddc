"""Warnings of a receipt: what was doubtful in a request and was accepted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from flexmeasures_pms.catalogue.limits import CLOCK_SKEW
from flexmeasures_pms.errors import Problem
from flexmeasures_pms.ingest.pipeline import Outcome
from flexmeasures_pms.plural import counted
from flexmeasures_pms.registry.messages.moments import SAMPLES_AHEAD
from flexmeasures_pms.wire import Decoded
from flexmeasures_pms.wire.samples import Sample

_MINUTE = timedelta(minutes=1)


def warnings_of(decoded: Decoded, outcomes: Iterable[Outcome], now: datetime) -> list[Problem]:
    """Return the warnings of a request, the most important first.

    :param now: when it was received.
    """
    flapping = (outcome.warning for outcome in outcomes if outcome.warning)
    return [*ahead_of_clock(decoded.samples, now), *flapping, *decoded.warnings]


def ahead_of_clock(samples: Iterable[Sample], now: datetime) -> list[Problem]:
    """Return a warning for each device with samples that are ahead, at the first of them.

    Samples that are so far ahead that they are quarantined have a problem of their own.
    """
    ahead: dict[str | None, list[tuple[datetime, Sample]]] = {}
    for sample in samples:
        if sample.time is not None and CLOCK_SKEW < sample.time - now <= SAMPLES_AHEAD:
            ahead.setdefault(sample.device_id, []).append((sample.time, sample))
    return [_warning(found, now) for found in ahead.values()]


def _warning(ahead: list[tuple[datetime, Sample]], now: datetime) -> Problem:
    time, first = ahead[0]
    furthest = max(time for time, _ in ahead) - now
    number, are = counted(len(ahead), "sample"), "is" if len(ahead) == 1 else "are"
    device = f" of '{first.device_id}'" if first.device_id else ""
    return Problem(
        f"{first.path}.time_local",
        "ahead_of_clock",
        f"{number}{device} {are} up to {_in_words(furthest)} ahead of the server's clock. What is "
        "ahead is stored, but is not shown as the newest reading before its time has come. Set "
        "the clock and the time zone of the gateway.",
        time.isoformat(),
    )


def _in_words(ahead: timedelta) -> str:
    hours, minutes = divmod(ahead // _MINUTE, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
