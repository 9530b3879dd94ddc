"""Every file of ``ui/views`` that has a route is on the blueprint."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from flexmeasures_pms.ui import views


def test_every_view_is_registered(app: Flask) -> None:
    files = Path(views.__path__[0]).glob("*.py")
    routed = {file.stem for file in files if "@pms_ui." in file.read_text()}
    modules = [view.__module__.rpartition(".") for view in app.view_functions.values()]
    assert {"fleet", "rack", "pack"} <= routed
    assert routed == {name for package, _, name in modules if package == views.__name__}
