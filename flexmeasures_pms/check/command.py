"""``flexmeasures-pms check``."""

from __future__ import annotations

import json
import sys

import click

_WIDTH = 22


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each line.")
def check(as_json: bool) -> None:
    """Say what is missing before the first start, with a command for each.

    Later it also says whether maintenance runs. It works where FlexMeasures does not
    start, and changes nothing. The exit code is 1 if something has to be fixed.

    Example: flexmeasures-pms check
    """
    try:
        from flexmeasures_pms.check.run import findings
    except ImportError as error:
        raise click.ClickException(f"FlexMeasures can't be loaded: {error}") from error
    bad = False
    for found in findings():
        bad = bad or found.state == "fix"
        if as_json:
            click.echo(json.dumps(found._asdict(), ensure_ascii=False))
        else:
            click.echo(f"{found.state:5}{found.about + ':':{_WIDTH}}{found.message}")
    sys.exit(1 if bad else 0)
