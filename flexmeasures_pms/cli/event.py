"""Options for what a business event carries: why something was done, by whom, what was found."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from flexmeasures_pms.cli.common import Option, check_note
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.editing.event import (
    CAUSES,
    BusinessEvent,
    Cause,
    checked,
    measurements,
)


def business_event(*, cause: bool = True, findings: bool = False) -> Option[Any]:
    """Add the options of a business event, passed on with the author ``who``.

    :param cause: also ``--cause`` and ``--code``.
    :param findings: also ``--finding`` and ``--measured``.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        command = _carrying(function)
        if findings:
            command = _findings(command)
        text = "The sender's own number of a document, such as a work order."
        command = click.option("--document", metavar="TEXT", help=text)(command)
        text = "Who did it, where that is not who enters it."
        command = click.option("--by", "person", metavar="NAME", help=text)(command)
        return _cause(command) if cause else command

    return decorate


def _cause(command: Callable[..., None]) -> Callable[..., None]:
    text = "Code of a fault, with --cause fault."
    command = click.option("--code", metavar="TEXT", help=text)(command)
    return click.option("--cause", type=click.Choice(CAUSES), help="Why.")(command)


def _findings(command: Callable[..., None]) -> Callable[..., None]:
    text = "What was measured, such as 'cell 3 mΩ=4.2'; can be repeated."
    command = click.option("--measured", multiple=True, metavar="NAME=VALUE", help=text)(command)
    text = "What was found; can be repeated."
    return click.option("--finding", "found", multiple=True, metavar="TEXT", help=text)(command)


def _carrying(function: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(function)
    def run(
        *,
        who: Author,
        person: str | None,
        document: str | None,
        cause: Cause | None = None,
        code: str | None = None,
        found: tuple[str, ...] = (),
        measured: tuple[str, ...] = (),
        **options: Any,
    ) -> None:
        for finding in found:
            check_note("finding", finding)
        given = BusinessEvent(cause, code, person, document, found, measurements(measured))
        function(who=replace(who, event=checked(given)), **options)

    return run
