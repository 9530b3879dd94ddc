"""How quantities are recorded: policies as text, and what holds for an asset."""

from __future__ import annotations

from decimal import Decimal

import pytest

from flexmeasures_pms import config
from flexmeasures_pms.catalogue.recording import bands, parse, parse_policies, written
from flexmeasures_pms.errors import ConfigError


@pytest.mark.parametrize("text", ["every", "change", "change 0.002", "change 15"])
def test_a_policy_is_read_as_it_is_written(text: str) -> None:
    assert written(parse(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "never", "every 1", "change -1", "change 1e5", "change x", "change 1 2", "change ."],
)
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="not a recording policy"):
        parse(text)


def test_the_host_chooses_for_all_assets() -> None:
    read = config.read({"PMS_RECORDING": "cell voltage: change 0.002; *: change"})
    chosen = bands("case", read.recording)
    assert (chosen["cell 07 voltage"], chosen["pack current"]) == (Decimal("0.002"), Decimal(0))
    assert bands("case", read.recording, (("pack current", None),)).get("pack current") is None
    with pytest.raises(ConfigError, match="no quantity 'cell volts'"):
        parse_policies("cell volts: change")


def test_states_are_recorded_on_change_and_measurements_every_time() -> None:
    found = bands("case")
    assert {"dock", "cell 14 open", "FET 2 open"} <= found.keys()
    assert not {"pack voltage", "cell 14 voltage", "FET 1 temperature"} & found.keys()
    assert {"status code", "bus connected"} == set(bands("cabinet"))
