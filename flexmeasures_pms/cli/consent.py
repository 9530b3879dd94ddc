"""Commands ask before they change things, or take ``--yes``."""

from __future__ import annotations

import click

from flexmeasures_pms.cli.common import F


def agree(
    question: str, *, yes: bool, otherwise: str = "Nothing was changed", err: bool = True
) -> None:
    """Go on only if a person agrees, or has agreed beforehand with ``--yes``.

    :param question: without its question mark.
    :param otherwise: what is so if nobody agrees, without its full stop.
    :param err: ask on standard error: standard output is left alone.
    :raises click.ClickException: if nobody agrees.
    """
    if yes:
        return
    try:
        agreed = click.confirm(f"{question}?", err=err)
    except click.Abort:
        click.echo(err=err)
        raise click.ClickException(
            f"{otherwise}: nobody answered. Give --yes to go on without being asked."
        ) from None
    if not agreed:
        raise click.ClickException(f"{otherwise}.")


def yes_option(function: F) -> F:
    """Add ``--yes``, for :func:`agree`."""
    return click.option("--yes", is_flag=True, help="Go on without being asked.")(function)
