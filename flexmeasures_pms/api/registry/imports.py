"""``POST …/registry/imports``: a registry file, as the command and the page import it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime

from flask import Response, request
from msgspec import Struct
from sqlalchemy.exc import IntegrityError
from werkzeug.exceptions import BadRequest, MethodNotAllowed

from flexmeasures_pms import identifiers
from flexmeasures_pms.api.body import whole_body
from flexmeasures_pms.api.failures import reply
from flexmeasures_pms.api.registry.access import Changer, changer
from flexmeasures_pms.api.replies import Error
from flexmeasures_pms.config import settings
from flexmeasures_pms.deadline import at_most
from flexmeasures_pms.errors import (
    AccessError,
    BodyTooLarge,
    Problem,
    RegistryError,
    StorageBusy,
    UnsupportedBody,
)
from flexmeasures_pms.gateways.at_once import turn
from flexmeasures_pms.ingest.follow_up import commit_with_effects
from flexmeasures_pms.ingest.ordered import PLAIN
from flexmeasures_pms.ingest.receipt import cap
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.editing.resubmission import lock_soon
from flexmeasures_pms.registry.editing.would_be import would_be
from flexmeasures_pms.registry.importing.importer import Imported, import_file, of_file
from flexmeasures_pms.registry.importing.limits import MOST_BYTES, MOST_CHANGES
from flexmeasures_pms.registry.importing.rows import ImportRules
from flexmeasures_pms.registry.messages.message import Message
from flexmeasures_pms.storage.session import abandon

LONGEST_NAME = 200

RULES: Mapping[str, str] = {
    "skip_faulty": "Import the other lines of a faulty file.",
    "planned": "Times in `valid_from` may be planned, up to a year ahead.",
    "similar_ids": "Also register ids that differ from others only by leading zeros.",
    "spreadsheet_ids": "Also register ids as spreadsheets change them, such as 241.0.",
    "placeholders": "Also register ids such as N/A, TBD or Total.",
    "short_lines": "Lines may lack their last fields, as some spreadsheets write empty ones.",
    "stripped_cases": "Parts may leave an installed case, with nothing in their place.",
    "other_pms": "A cabinet that is installed in a PMS may go to another, or out of it.",
}
"""What lets through what is refused otherwise: the rules of a file, each with its words."""

_CURES: Mapping[str, str] = {
    "similar": "similar_ids",
    "spreadsheet": "spreadsheet_ids",
    "placeholder": "placeholders",
    "short": "short_lines",
    "stripped": "stripped_cases",
    "other_pms": "other_pms",
    "planned": "planned",
}


class ImportDone(Struct):
    """What came of a registry file.

    :param dry_run: whether it was only tried.
    :param written: whether it was imported; in a dry run always false.
    :param rows: how many lines with data the file has.
    :param changed: how many of them changed the registry, or would.
    :param same: how many say what the registry has.
    :param faulty: how many are faulty.
    :param messages: what was done, or would be, for people.
    :param faults: what is wrong with lines; the path of each is such as ``line 7``.
    :param more_faults: how many are not listed.
    :param ignored: columns that are unknown.
    """

    dry_run: bool
    written: bool
    rows: int
    changed: int
    same: int
    faulty: int
    messages: list[str]
    faults: list[Problem]
    more_faults: int
    ignored: list[str]


def post_import() -> Response:
    """Import a registry file, or try it, and reply after commit."""
    if request.method != "POST":
        raise MethodNotAllowed(["POST"], "Send a registry file with POST.")
    who = changer(datetime.now(UTC))
    if not who.may_make:
        raise AccessError("Only an admin of the organisation may import a file.")
    dry_run = _flag("dry_run")
    rules = ImportRules(**{rule.name: _flag(rule.name) for rule in fields(ImportRules)})
    author = of_file(Author(who.name), _name())
    body = whole_body()
    who.spend(len(body))
    with turn(who.account_id, len(body), settings().organisation_requests):
        return _imported(who, _checked(body), author, rules, dry_run=dry_run)


def _imported(
    who: Changer, data: bytes, author: Author, rules: ImportRules, *, dry_run: bool
) -> Response:
    try:
        result = import_file(who.account_id, data, author=author, dry_run=True, rules=rules)
        abandon()
        _check_effort(result)
        if not dry_run and (rules.skip_faulty or not result.faults):
            lock_soon(who.account_id, at_most(settings().lock_timeout))
            result = import_file(who.account_id, data, author=author, rules=rules)
    except RegistryError as error:
        abandon()
        return reply(422, Error("IMPORT_REFUSED", f"{_words(error)} Nothing was imported."))
    if dry_run or result.written:
        return reply(200, _done(result, author, dry_run=dry_run))
    abandon()
    faults, more = cap(_faults(result), settings().max_problems)
    said = f"{result.faulty_lines} of {result.rows} lines are faulty. Nothing was imported."
    body = Error("IMPORT_REFUSED", said, faults)
    if more:
        body.more_problems = more
    return reply(422, body)


def _done(result: Imported, author: Author, *, dry_run: bool) -> ImportDone:
    lines = tuple(map(would_be, result.change.lines)) if dry_run else _committed(result, author)
    faults, more = cap(_faults(result), settings().max_problems)
    return ImportDone(
        dry_run=dry_run,
        written=result.written,
        rows=result.rows,
        changed=result.changed,
        same=result.same,
        faulty=result.faulty_lines,
        messages=[line.render(PLAIN) for line in lines],
        faults=list(faults),
        more_faults=more,
        ignored=list(result.ignored),
    )


def _committed(result: Imported, author: Author) -> tuple[Message, ...]:
    try:
        return commit_with_effects(result.change, author)
    except IntegrityError as error:
        raise StorageBusy(
            "Something that the file needs was changed at the same time: nothing was imported. "
            "Send it again."
        ) from error


def _check_effort(result: Imported) -> None:
    if result.changed > MOST_CHANGES:
        raise RegistryError(
            f"{result.changed} lines would change the registry, and a request takes "
            f"{MOST_CHANGES} at a time: send the file in pieces."
        )


def _faults(result: Imported) -> tuple[Problem, ...]:
    return tuple(
        Problem(f"line {fault.line}", fault.error.cure or "refused", _words(fault.error))
        for fault in result.faults
    )


def _words(error: RegistryError) -> str:
    """Return what is wrong, and which parameter lets it through."""
    what = error.what
    said = what.render(PLAIN) if isinstance(what, Message) else str(what)
    rule = _CURES.get(error.cure)
    return said if rule is None else f"{said} If it is meant so, give {rule}=true."


def _checked(body: bytes) -> bytes:
    if request.mimetype != "text/csv" or request.headers.get("Content-Encoding"):
        raise UnsupportedBody(
            "Send a registry file as CSV, not compressed, with Content-Type: text/csv."
        )
    if len(body) > MOST_BYTES:
        raise BodyTooLarge(
            f"The file has {len(body)} bytes, more than {MOST_BYTES}: send it in pieces."
        )
    return body


def _flag(name: str) -> bool:
    text = request.args.get(name, "false")
    if text not in ("true", "false"):
        raise BadRequest(f"The parameter {name} is true or false.")
    return text == "true"


def _name() -> str:
    name = identifiers.clean(request.args.get("name", ""))
    if len(name) > LONGEST_NAME:
        raise BadRequest(f"The parameter name has at most {LONGEST_NAME} characters.")
    return name or "HTTP import"
