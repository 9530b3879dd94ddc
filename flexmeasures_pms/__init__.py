"""Battery pack telemetry and the registry behind it, for FlexMeasures.

FlexMeasures finds the blueprints and ``__settings__`` here. They are imported on
first use, so that the decoders and the simulator can be used without the seconds that
starting FlexMeasures takes.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_LAZY = {
    "pms_api": "flexmeasures_pms.api.blueprint",
    "pms_cli": "flexmeasures_pms.cli",
    "pms_ui": "flexmeasures_pms.ui.blueprint",
    "__settings__": "flexmeasures_pms.config",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
