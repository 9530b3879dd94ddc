"""The settings of the plugin, read once, here.

Each field of :class:`Settings` is a FlexMeasures configuration setting: ``max_body_bytes``
is ``PMS_MAX_BODY_BYTES``.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any

from flask import current_app
from flask.sansio.app import App

from flexmeasures_pms.catalogue.recording import Policies, parse_policies
from flexmeasures_pms.errors import ConfigError

_EXTENSION = "flexmeasures_pms"
PREFIX = "PMS_"
_PACKAGE_PREFIX = "FLEXMEASURES_"
_NEAR = 0.85
"""From this likeness on, a name is taken for a typing error: PMS_REPORT_DAYS is 0.84."""
_MOST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, as the host writes it.

    :param name: the FlexMeasures setting.
    :param default: its value where the host sets none.
    :param description: what it does, with its unit.
    :param choices: its allowed values; none for a whole number.
    :param parse: reads a text of its own form.
    :param most: the highest whole number that is allowed.
    :param least: the lowest.
    """

    name: str
    default: int | str
    description: str
    choices: tuple[str | bool, ...] = ()
    parse: Callable[[str], Any] | None = None
    most: int | None = None
    least: int = 1

    def read(self, config: Mapping[str, Any]) -> Any:
        """Return the setting's value in a configuration.

        :raises ConfigError: for a value that is not allowed.
        """
        value = config.get(self.name, self.default)
        if self.parse is not None:
            good, wanted = isinstance(value, str), "a text"
        elif self.choices:
            good, wanted = value in self.choices, " or ".join(map(repr, self.choices))
        elif self.most is not None:
            good = type(value) is int and self.least <= value <= self.most
            wanted = f"a whole number from {self.least} to {self.most}"
        else:
            good, wanted = type(value) is int and value >= 1, "a whole number of at least 1"
        if not good:
            raise ConfigError(
                f"The setting {self.name} is {repr(value)[:_MOST_SHOWN]}; give {wanted}, "
                f"or leave it out for {self.default!r}."
            )
        return self.parse(value) if self.parse else value


def _setting(
    default: int | str,
    description: str,
    *,
    choices: tuple[str | bool, ...] = (),
    parse: Callable[[str], Any] | None = None,
    most: int | None = None,
    least: int = 1,
) -> Any:
    known = {"default": default, "description": description, "choices": choices, "parse": parse}
    return field(metadata=known | {"most": most, "least": least})


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings' values, with their defaults and descriptions.

    A host sets whole seconds as time limits; our own code may set parts of one.
    """

    max_body_bytes: int = _setting(4 << 20, "Maximum size of a request body as sent, in bytes.")
    max_decoded_bytes: int = _setting(
        32 << 20, "Maximum size of a body after decompression, in bytes."
    )
    max_datasets: int = _setting(1_000, "Maximum number of datasets in one request.")
    max_samples: int = _setting(20_000, "Maximum number of samples (or CSV rows) in one request.")
    max_devices: int = _setting(
        1_000, "Maximum number of devices (PMSes, MPPTs, inverters) that one request names."
    )
    max_nesting: int = _setting(16, "Maximum nesting depth of a JSON body.")
    max_sample_bytes: int = _setting(
        16 << 10, "Maximum size of the text of one sample, in bytes; a larger one is refused."
    )
    max_problems: int = _setting(
        100, "Maximum number of problems listed in one reply; the rest is counted."
    )
    late_after: int = _setting(3_600, "Age in seconds at which a sample counts as late.")
    max_quarantine: int = _setting(
        200_000,
        "Maximum number of samples that wait in quarantine for one organisation; beyond it, "
        "samples that can't be stored are counted as `refused` and not kept.",
    )
    max_quarantine_bytes: int = _setting(
        256 << 20,
        "Maximum size of the texts of these samples, in bytes; beyond it likewise.",
    )
    quarantine_share: int = _setting(
        25,
        "How much of both one device (a PMS, MPPT or inverter) may fill, in percent, from 1 to "
        "100. Samples without a device id count as those of one device.",
        most=100,
    )
    gateway_requests_per_minute: int = _setting(
        600,
        "Maximum number of requests per minute from one gateway or user; beyond it they are "
        "refused with 429.",
    )
    gateway_samples_per_minute: int = _setting(
        120_000,
        "Maximum number of samples per minute from one gateway or user; beyond it requests are "
        "refused with 429.",
    )
    gateway_bytes_per_minute: int = _setting(
        64 << 20,
        "Maximum number of bytes of request bodies per minute from one gateway or user, as sent "
        "or after decompression, whichever is more; beyond it they are refused with 429.",
    )
    organisation_requests: int = _setting(
        2,
        "Maximum number of telemetry requests of one organisation that one process works on at "
        "once; twice as many wait for up to five seconds, others are refused with 429. Give "
        "processes at least two more threads than three times this.",
    )
    ingest_mode: str = _setting(
        "direct",
        "When a request is answered: with `direct` after its samples are stored (200), with "
        "`queued` after its body is saved for the workers of the queue `ingestion` (202).",
        choices=("direct", "queued"),
    )
    max_journal: int = _setting(
        200_000,
        "Maximum number of waiting and failed requests in the journal of one organisation; "
        "beyond it requests are refused with 503.",
    )
    journal_attempts: int = _setting(
        10, "Number of attempts to store a queued request before it is marked as failed."
    )
    receipt_days: int = _setting(30, "Time for which receipts of requests are kept, in days.")
    lock_timeout: float = _setting(
        5,
        "Maximum wait of a request for a lock in the database, in seconds; beyond it the "
        "request is refused with 503.",
    )
    statement_timeout: float = _setting(
        30,
        "Maximum time of one statement of a request in the database, in seconds; beyond it the "
        "request is refused with 503.",
    )
    request_timeout: float = _setting(
        120,
        "Maximum time of a request as a whole, in seconds; beyond it the request is given up with "
        "503, and nothing of it is stored. An attempt to store a queued request may take five "
        "times as long.",
    )
    recording: Policies = _setting(
        "",
        "Recording policies that replace the catalogue's: `every` reading, or on `change` beyond "
        "a deadband, such as `cell voltage: change 0.002; *: change`.",
        parse=parse_policies,
    )
    beliefs: str = _setting(
        "recorded",
        "Which readings FlexMeasures has as beliefs: with `recorded` each one that is recorded "
        "(`PMS_RECORDING`), with `thinned` only the first of each five minutes of a sensor and "
        "source. The plugin's own pages and API have all of them.",
        choices=("recorded", "thinned"),
    )
    belief_days: int = _setting(
        7,
        "Time for which FlexMeasures has each recorded reading, in days since it was received, up "
        "to 140; then the first of each five minutes is left, once its week is over. 0 is for "
        "ever.",
        most=140,
        least=0,
    )
    sample_days: int = _setting(
        0,
        "Days for which the log keeps samples; 0 is for ever. Older ones that come wait.",
        most=36_500,
        least=0,
    )
    sensor_cache: int = _setting(
        5_000, "Maximum number of assets whose sensor ids one process caches."
    )
    registry_cache: int = _setting(
        100_000, "Maximum number of things, ids and installations that one process caches."
    )
    offline_assets: bool = _setting(
        False,
        "`True` serves the styles, scripts, fonts and pictures of all pages from this server "
        "instead of from other hosts, for FlexMeasures' own pages too.",
        choices=(True, False),
    )


def _as_setting(item: Field[Any]) -> Setting:
    return Setting(f"{PREFIX}{item.name.upper()}", **item.metadata)


SETTINGS: tuple[Setting, ...] = tuple(map(_as_setting, fields(Settings)))


def read(config: Mapping[str, Any]) -> Settings:
    """Read the settings from a FlexMeasures configuration.

    :raises ConfigError: with one line for each value that is not allowed.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for item in fields(Settings):
        try:
            values[item.name] = _as_setting(item).read(config)
        except ConfigError as error:
            problems.append(" ".join(str(error).split()))
    if problems:
        raise ConfigError("\n".join(problems))
    return Settings(**values)


def without_effect(config: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each name that is nearly a setting of the plugin and is none.

    :param environ: FlexMeasures reads no settings of plugins from environment variables.
    """
    for name in _others(config):
        if meant := _meant(name):
            yield (
                f"{name} is no setting of flexmeasures-pms and has no effect: did you mean {meant}?"
            )
    for name in sorted(environ.keys() - config.keys()):
        if name.startswith(PREFIX) and (meant := _meant(name)):
            yield (
                f"The environment variable {name} has no effect, because FlexMeasures reads no "
                f"settings of plugins there: write {meant} = … into the configuration file."
            )


def unknown(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each other name that begins like one: it may be another plugin's."""
    for name in _others(config):
        if name.startswith(PREFIX) and not _meant(name):
            yield f"{name} is no setting of flexmeasures-pms: it has no effect here."


def _others(config: Mapping[str, Any]) -> list[str]:
    return sorted(map(str, config.keys() - {setting.name for setting in SETTINGS}))


def _meant(name: str) -> str | None:
    """Return the setting that a name nearly is; one with another prefix has to be nearer."""
    known = [setting.name for setting in SETTINGS]
    name = name.upper().removeprefix(_PACKAGE_PREFIX)
    if name.endswith(tuple(f"_{setting}" for setting in known)):
        return None  # another plugin's, with a prefix of its own
    cutoff = _NEAR if name.startswith(PREFIX) else 0.9
    near = difflib.get_close_matches(name, known, 1, cutoff)
    return near[0] if near else None


def init(app: App) -> None:
    """Read the settings of an application once, at its start."""
    app.extensions[_EXTENSION] = read(app.config)


def settings() -> Settings:
    """Return the settings of the current application."""
    found: Settings = current_app.extensions[_EXTENSION]
    return found


def is_thinned() -> bool:
    """Whether only the first reading of each five minutes is written as a belief."""
    return settings().beliefs == "thinned"


__settings__: dict[str, dict[str, Any]] = {
    s.name: {"description": s.description, "level": "debug"} for s in SETTINGS
}
"""The settings in the form FlexMeasures wants from a plugin."""
