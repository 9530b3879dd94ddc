"""``make docs``: write the reference pages from the code they describe.

A test fails when a page is not what this would write.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click

from flexmeasures_pms.catalogue import status
from flexmeasures_pms.catalogue.asset_types import ASSET_TYPES
from flexmeasures_pms.catalogue.quantities import BY_ASSET_TYPE, QUANTITIES, Quantity
from flexmeasures_pms.catalogue.recording import default, written
from flexmeasures_pms.config import SETTINGS
from flexmeasures_pms.ui.language.glossary import extract

HERE = Path(__file__).parent
NOTICE = "<!-- Written by `make docs`: change the code, not this page. -->"


def pages() -> dict[str, str]:
    """Return each page's text by its file name."""
    return {
        "sensors.md": "\n".join(_sensors()) + "\n",
        "settings.md": "\n".join(_settings()) + "\n",
        "commands.md": "\n".join(_commands()) + "\n",
        "openapi.json": _openapi(),
        "../flexmeasures_pms/ui/language/en/glossary.md": extract(HERE / "glossary.md"),
    }


def _sensors() -> Iterator[str]:
    yield from (NOTICE, "", "# Sensors", "")
    yield "Every sensor is instantaneous and in the site's time zone. A reading outside its range"
    yield "is [faulty](glossary.md#faulty-reading): it is left out and counted, and the rest of the"
    yield "sample is stored. *Recorded* is the default [policy](recording.md): `change` is written"
    yield "when it changes, `every` every time. Other terms: [glossary](glossary.md)."
    for asset_type in (one for one in ASSET_TYPES if one.name in BY_ASSET_TYPE):
        yield from ("", f"## {asset_type.name}", "", f"{asset_type.description}.", "")
        yield "| Sensor | Unit | From | Range | Recorded |"
        yield "|---|---|---|---|---|"
        yield from map(_sensor, BY_ASSET_TYPE[asset_type.name])
    yield from ("", "## States as numbers", "", "| Sensor | Numbers |", "|---|---|")
    for name, field in {q.name: q.status for q in QUANTITIES}.items():
        if isinstance(field, status.StatusField):
            meanings = ", ".join(f"{value} {words}" for value, words in field.meanings.values())
            yield f"| `{name}` | {meanings} |"
        elif field is not None:
            sums = ", ".join(f"{1 << i} {words}" for i, (_, words) in enumerate(field.bits))
            yield f"| `{name}` | sum of: {sums} |"
    yield "| `cell NN open`, `FET N open` | 0 closed, 1 open |"
    yield "| `dock` | the dock counted across the PMS, 1-48 |"


def _sensor(quantity: Quantity) -> str:
    names = quantity.sensor_names()
    name = f"`{names[0]}`" if len(names) == 1 else f"`{names[0]}` … `{names[-1]}`"
    unit = "–" if quantity.unit == "dimensionless" else quantity.unit
    recorded = f"`{written(default(quantity))}`"
    return f"| {name} | {unit} | {_origin(quantity)} | {_range(quantity)} | {recorded} |"


def _origin(quantity: Quantity) -> str:
    if isinstance(quantity.source, str):
        index = "" if quantity.index is None else f"[{quantity.index}]"
        return f"`{quantity.source}{index}`"
    formula = getattr(quantity.source, "func", quantity.source)
    if formula.__name__ == "status_bits":
        return "bits of `status.code`"
    summary: str = formula.__doc__.splitlines()[0].rstrip(".")
    return summary[0].lower() + summary[1:]


def _range(quantity: Quantity) -> str:
    low, high = quantity.bounds
    if not isinstance(quantity.source, str) or abs(low) >= 1e9:
        return ""
    return f"{low:g} … {high:g} {quantity.unit}".replace(" dimensionless", "")


def _settings() -> Iterator[str]:
    yield from (NOTICE, "", "# Settings", "")
    yield "Set them in FlexMeasures' configuration file. Unless the description lists other values,"
    yield "a setting is a whole number of at least 1."
    yield from ("", "| Setting | Default | |", "|---|---:|---|")
    for setting in SETTINGS:
        default = f"{setting.default:,}" if type(setting.default) is int else setting.default
        yield f"| `{setting.name}` | {default} | {setting.description} |"


def _commands() -> Iterator[str]:
    from flexmeasures_pms.cli import pms_cli

    yield from (NOTICE, "", "# Commands", "", "All commands are in the group `flexmeasures pms`.")
    yield "Errors and what FlexMeasures logs are on standard error; a command that fails has"
    yield "another exit code than 0. With `--json`, standard output has one JSON document and"
    yield "nothing else; of `batch`, one for each command, each on a line."
    yield from _group(pms_cli.cli, "flexmeasures pms")


def _openapi() -> str:
    from flexmeasures_pms.api.routes import openapi_document

    return json.dumps(openapi_document(), indent=2, ensure_ascii=False) + "\n"


def _group(group: click.Group, path: str) -> Iterator[str]:
    for name in sorted(group.commands):
        command = group.commands[name]
        if isinstance(command, click.Group):
            yield from _group(command, f"{path} {name}")
            continue
        context = click.Context(command, info_name=f"{path} {name}", max_content_width=92)
        yield from ("", f"## {path} {name}", "", "```text", command.get_help(context), "```")


if __name__ == "__main__":
    for file_name, text in pages().items():
        (HERE / file_name).write_text(text)
