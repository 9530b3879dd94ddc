"""The settings of the plugin, read once, here.

Each is a FlexMeasures configuration setting of the name given in :data:`SETTINGS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app
from flask.sansio.app import App

from flexmeasures_pms.catalogue.recording import Policies, parse_policies
from flexmeasures_pms.errors import ConfigError
from flexmeasures_pms.wire.samples import Limits

_EXTENSION = "flexmeasures_pms"


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table of settings.

    :param name: the FlexMeasures setting.
    :param default: its value where the host sets none.
    :param description: what it does, with its unit.
    :param choices: what it may be; none for a whole number of at least 1.
    :param text: it is a text of its own form.
    """

    name: str
    default: int | str
    description: str
    choices: tuple[str | bool, ...] = ()
    text: bool = False


SETTINGS: tuple[Setting, ...] = (
    Setting("PMS_MAX_BODY_BYTES", 4 << 20, "Largest request body as sent, in bytes."),
    Setting("PMS_MAX_DECODED_BYTES", 32 << 20, "Largest request body after gzip, in bytes."),
    Setting("PMS_MAX_DATASETS", 1_000, "Most datasets in one request."),
    Setting("PMS_MAX_SAMPLES", 20_000, "Most samples (or CSV rows) in one request."),
    Setting("PMS_MAX_NESTING", 16, "Deepest nesting of a JSON body."),
    Setting("PMS_MAX_SAMPLE_BYTES", 16 << 10, "Largest text of one sample, in bytes."),
    Setting("PMS_MAX_PROBLEMS", 100, "Most problems listed in one reply; the rest is counted."),
    Setting("PMS_LATE_AFTER", 3_600, "Age in seconds at which a sample counts as late."),
    Setting(
        "PMS_MAX_QUARANTINE",
        200_000,
        "Most samples one organisation may have waiting in quarantine; beyond it requests "
        "that would add to it are refused with 503.",
    ),
    Setting(
        "PMS_GATEWAY_REQUESTS_PER_MINUTE",
        600,
        "Most requests that one gateway, or user, may send in a minute to one worker process; "
        "beyond it they are refused with 429.",
    ),
    Setting(
        "PMS_GATEWAY_SAMPLES_PER_MINUTE",
        120_000,
        "Most samples that one gateway, or user, may send in a minute to one worker process; "
        "beyond it they are refused with 429.",
    ),
    Setting(
        "PMS_INGEST_MODE",
        "direct",
        "What a request waits for: with `direct` until its samples are stored (200), with "
        "`queued` until its body is kept for the workers of the queue `ingestion` (202).",
        choices=("direct", "queued"),
    ),
    Setting(
        "PMS_MAX_JOURNAL",
        200_000,
        "Most requests that one organisation may have waiting for workers, and failed ones; "
        "beyond it they are refused with 503.",
    ),
    Setting(
        "PMS_JOURNAL_ATTEMPTS",
        10,
        "How often a worker tries to store a request before it is set aside as failed.",
    ),
    Setting("PMS_RECEIPT_DAYS", 30, "How long receipts of requests are kept, in days."),
    Setting(
        "PMS_LOCK_TIMEOUT",
        5,
        "Longest wait of a request for a lock in the database, in seconds; then it is refused "
        "with 503.",
    ),
    Setting(
        "PMS_STATEMENT_TIMEOUT",
        30,
        "Longest time of one statement of a request in the database, in seconds; then it is "
        "refused with 503.",
    ),
    Setting(
        "PMS_RECORDING",
        "",
        "How quantities are recorded where the catalogue's way is not wanted: `every` reading, "
        "or on `change` beyond a deadband, such as `cell voltage: change 0.002; *: change`.",
        text=True,
    ),
    Setting("PMS_SENSOR_CACHE", 5_000, "Most assets whose sensor ids one process remembers."),
    Setting(
        "PMS_REGISTRY_CACHE",
        100_000,
        "Most things, ids and installations of the registry that one process remembers.",
    ),
    Setting(
        "PMS_OFFLINE_ASSETS",
        False,
        "`True` serves the styles, scripts, fonts and pictures of all pages, FlexMeasures' own "
        "too, from this server instead of from other hosts.",
        choices=(True, False),
    ),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings' values; see :data:`SETTINGS` for their meaning."""

    limits: Limits
    max_body_bytes: int
    max_problems: int
    late_after: int
    max_quarantine: int
    requests_per_minute: int
    samples_per_minute: int
    ingest_mode: str
    max_journal: int
    journal_attempts: int
    receipt_days: int
    lock_timeout: int
    statement_timeout: int
    sensor_cache: int
    registry_cache: int
    recording: Policies
    offline_assets: bool


def _value(config: Mapping[str, Any], setting: Setting) -> Any:
    value = config.get(setting.name, setting.default)
    if setting.text:
        good, wanted = isinstance(value, str), "a text"
    elif setting.choices:
        good, wanted = value in setting.choices, " or ".join(map(repr, setting.choices))
    else:
        good, wanted = type(value) is int and value >= 1, "a whole number of at least 1"
    if not good:
        raise ConfigError(
            f"The setting {setting.name} is {value!r}; give {wanted}, "
            f"or leave it out for {setting.default!r}."
        )
    return value


def read(config: Mapping[str, Any]) -> Settings:
    """Read the settings from a FlexMeasures configuration.

    :raises ConfigError: for a value that it can not be.
    """
    value = {s.name: _value(config, s) for s in SETTINGS}
    return Settings(
        limits=Limits(
            bytes=value["PMS_MAX_DECODED_BYTES"],
            datasets=value["PMS_MAX_DATASETS"],
            samples=value["PMS_MAX_SAMPLES"],
            depth=value["PMS_MAX_NESTING"],
            sample_bytes=value["PMS_MAX_SAMPLE_BYTES"],
        ),
        max_body_bytes=value["PMS_MAX_BODY_BYTES"],
        max_problems=value["PMS_MAX_PROBLEMS"],
        late_after=value["PMS_LATE_AFTER"],
        max_quarantine=value["PMS_MAX_QUARANTINE"],
        requests_per_minute=value["PMS_GATEWAY_REQUESTS_PER_MINUTE"],
        samples_per_minute=value["PMS_GATEWAY_SAMPLES_PER_MINUTE"],
        ingest_mode=value["PMS_INGEST_MODE"],
        max_journal=value["PMS_MAX_JOURNAL"],
        journal_attempts=value["PMS_JOURNAL_ATTEMPTS"],
        receipt_days=value["PMS_RECEIPT_DAYS"],
        lock_timeout=value["PMS_LOCK_TIMEOUT"],
        statement_timeout=value["PMS_STATEMENT_TIMEOUT"],
        sensor_cache=value["PMS_SENSOR_CACHE"],
        registry_cache=value["PMS_REGISTRY_CACHE"],
        recording=parse_policies(value["PMS_RECORDING"]),
        offline_assets=value["PMS_OFFLINE_ASSETS"],
    )


def init(app: App) -> None:
    """Read the settings of an application once, at its start."""
    app.extensions[_EXTENSION] = read(app.config)


def settings() -> Settings:
    """Return the settings of the current application."""
    found: Settings = current_app.extensions[_EXTENSION]
    return found


__settings__: dict[str, dict[str, Any]] = {
    s.name: {"description": s.description, "level": "debug", "parse_as": type(s.default)}
    for s in SETTINGS
}
"""The settings in the form FlexMeasures wants from a plugin."""
