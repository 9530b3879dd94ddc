"""All checks, in the order in which an installation is made."""

from __future__ import annotations

from collections.abc import Iterator

from flexmeasures_pms import config
from flexmeasures_pms.check import configuration, processes, servers
from flexmeasures_pms.check.findings import CheckResult
from flexmeasures_pms.errors import ConfigError


def findings() -> Iterator[CheckResult]:
    """Yield what was found, one thing after another."""
    yield from processes.packages()
    found, read = configuration.read()
    yield from read
    if any(one.about == "configuration file" and one.state == "fix" for one in read):
        return  # the rest would be said of settings that were not read
    yield from configuration.findings(found)
    yield from servers.database(found)
    yield servers.redis(found)
    if assets := processes.offline_assets(found.app.config):
        yield assets
    try:
        at_once = config.read(found.app.config).organisation_requests
    except ConfigError:
        return  # said already
    yield processes.threads(found.app.config, at_once)
