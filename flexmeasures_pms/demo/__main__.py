"""``flexmeasures-pms``: try the plugin on this machine."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flexmeasures_pms.errors import PmsError

if TYPE_CHECKING:
    from flexmeasures_pms.demo.log import DemoLog

DATA_DIR = Path(".data/demo")
data_dir_option = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=DATA_DIR,
    show_default=True,
    help="Where everything is kept.",
)


@click.group()
@click.version_option(package_name="flexmeasures-pms")
def main() -> None:
    """Check an installation, or try flexmeasures-pms with servers of its own."""


@main.command()
@data_dir_option
@click.option("--port", default=5000, show_default=True, help="Port of FlexMeasures; 0: any.")
@click.option("--once", is_flag=True, help="Post a day of telemetry, check it, and stop.")
@click.option("--no-simulate", is_flag=True, help="Start no simulated site.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON when ready.")
def demo(data_dir: Path, port: int, once: bool, no_simulate: bool, as_json: bool) -> None:
    """Run FlexMeasures with the plugin and a simulated battery site.

    PostgreSQL and Valkey (Redis) are included; with SQLALCHEMY_DATABASE_URI and
    FLEXMEASURES_REDIS_URL set, those of the environment are used instead.
    Ctrl-C stops everything; the next start continues with the same data.

    Example: flexmeasures-pms demo --port 5001
    """
    from flexmeasures_pms.demo import extra
    from flexmeasures_pms.demo.log import open_log
    from flexmeasures_pms.demo.servers import stopping_on_signals

    try:
        extra.require(extra.for_demo())
    except extra.MissingExtra as error:
        raise click.ClickException(str(error)) from error
    log = open_log(data_dir, partial(click.echo, err=as_json))
    agree = True
    try:
        with stopping_on_signals():
            agree = _demo(data_dir, port, once, no_simulate, as_json, log)
    except KeyboardInterrupt:
        log.say(f"\nStopped. The data stay in {data_dir}: the next start continues with them.")
    except PmsError as error:
        raise click.ClickException(log.failure(error)) from error
    except Exception as error:
        raise click.ClickException(log.failure(error, unforeseen=True)) from error
    sys.exit(0 if agree else 1)


def _demo(
    data_dir: Path, port: int, once: bool, no_simulate: bool, as_json: bool, log: DemoLog
) -> bool:
    """Run the demo; return False if the data that was read differs from what was sent."""
    from flexmeasures_pms.demo import printout, run
    from flexmeasures_pms.demo.store import history, site_now

    with run.started(data_dir, port, log.say) as found:
        if as_json:
            click.echo(found.as_json())
        if once:
            return run.run_once(found, log)
        now = site_now()
        layout = history(found.data_dir, now).layout()
        # Not into the log: it has the passwords.
        log.terminal(printout.welcome(found.url, found.access, layout, now))
        if no_simulate:
            log.say("Ctrl-C stops it.")
            found.process.wait()
            raise run.stopped(found)
        run.simulate(found, log)
    return True


@main.command()
@data_dir_option
def clean(data_dir: Path) -> None:
    """Remove the data of a demo.

    Example: flexmeasures-pms clean
    """
    from flexmeasures_pms.demo import clean as cleaning
    from flexmeasures_pms.demo import extra

    try:
        extra.require(extra.CLEANING)
        removed = cleaning.clean(data_dir)
    except PmsError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Removed {data_dir}." if removed else f"There is nothing in {data_dir}.")


if __name__ == "__main__":
    main()
