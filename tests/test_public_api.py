"""The stated Python API: these names and signatures change only on purpose."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from typing import Any

import pytest

PUBLIC = {
    "flexmeasures_pms.wire": {
        *("BatteryReadings", "CellReadings", "ChannelReadings", "DatasetStatus", "Decoded"),
        *("EhubStatus", "FetReadings", "GridReadings", "InverterDataset", "InverterRequest"),
        *("InverterSample", "Limits", "MpptDataset", "MpptRequest", "MpptSample", "PackBody"),
        *("PackSample", "PmsDataset", "PmsRequest", "Sample", "decode"),
    },
    "flexmeasures_pms.errors": {
        *("AccessError", "AmbiguousId", "BodyTooLarge", "ConfigError"),
        *("MaintenanceError", "MisshapenBody", "NotHeld", "NotInstalled"),
        *(
            "OrderRefused",
            "OtherRequest",
            "OutOfScope",
            "PmsError",
            "Problem",
            "QueueAway",
            "RegistryBusy",
        ),
        *("RegistryConflict", "RegistryError"),
        *("SchemaError", "StillFolded", "StorageBusy", "TooMany", "UnknownId", "UnreadableBody"),
        *("UnsupportedBody", "WireError"),
    },
    "flexmeasures_pms.simulator": {
        *("Cabinet", "Case", "Layout", "Move", "SimulatedRequest", "Site", "System"),
        *("demo_layout", "fleet_layout", "make_case", "registry_csv"),
    },
}
SIGNATURES = {
    "flexmeasures_pms.wire.decode": "body, *, dataset, content_type, content_encoding, limits",
    "flexmeasures_pms.wire.Limits": "bytes, datasets, samples, depth, sample_bytes, problems",
    "flexmeasures_pms.wire.Decoded": "samples, warnings, ignored, skipped, size",
    "flexmeasures_pms.wire.PackSample": "time_local, pack",
    "flexmeasures_pms.wire.PackBody": "id, dock, amps, temp, cell, fet",
    "flexmeasures_pms.wire.PmsDataset": "*, pms_id, status, data",
    "flexmeasures_pms.errors.Problem": "path, code, message, value",
    "flexmeasures_pms.simulator.Site": "layout, seed",
    "flexmeasures_pms.simulator.Site.requests": "self, start, end, step, *, samples_per_request",
    "flexmeasures_pms.simulator.registry_csv": "layout, at",
}


@pytest.mark.parametrize("module", PUBLIC)
def test_the_names_are_those_that_are_stated(module: str) -> None:
    assert set(importlib.import_module(module).__all__) == PUBLIC[module]


@pytest.mark.parametrize("module", PUBLIC)
def test_every_name_is_there_and_documented(module: str) -> None:
    found = importlib.import_module(module)
    for name in found.__all__:
        assert inspect.getdoc(getattr(found, name)), name


@pytest.mark.parametrize("path", SIGNATURES)
def test_the_parameters_are_those_that_are_stated(path: str) -> None:
    parts = path.split(".")
    thing: Any = importlib.import_module(".".join(parts[:2]))
    for part in parts[2:]:
        thing = getattr(thing, part)
    names = []
    for name, parameter in inspect.signature(thing).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in names:
            names.append("*")
        names.append(name)
    assert ", ".join(names) == SIGNATURES[path]


def test_the_api_needs_no_flexmeasures() -> None:
    code = f"import sys, {', '.join(PUBLIC)}; print('flexmeasures' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
