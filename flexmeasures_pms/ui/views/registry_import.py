"""Import a registry file: choose, preview, and apply it."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from flask import Response, request
from flask_login import current_user
from werkzeug.exceptions import Forbidden

from flexmeasures_pms import identifiers
from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.ingest.follow_up import commit_with_effects
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.editing.would_be import would_be
from flexmeasures_pms.registry.importing.columns import COLUMNS
from flexmeasures_pms.registry.importing.importer import Imported, import_file, of_file
from flexmeasures_pms.registry.importing.limits import MOST_BYTES
from flexmeasures_pms.registry.importing.rows import STRICT, ImportRules
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.storage.session import abandon
from flexmeasures_pms.ui.language.words import _, mark
from flexmeasures_pms.ui.page.access import Organisation, may, one_organisation
from flexmeasures_pms.ui.page.frame import page
from flexmeasures_pms.ui.registry import signed_upload as uploads
from flexmeasures_pms.ui.registry.answer import repeated
from flexmeasures_pms.ui.registry.forms import Filled
from flexmeasures_pms.ui.registry.message import (
    cures,
    faults,
    ignored,
    outline,
    refusal,
    rendered,
    summary,
    wrong,
)
from flexmeasures_pms.ui.registry.signed_upload import SignedUpload, UnusableUpload
from flexmeasures_pms.ui.registry.subject import MAKE_THINGS, addresses, trail, zone_of
from flexmeasures_pms.ui.routes import pms_ui

BOXES: Mapping[str, tuple[str, str]] = {
    "skip": ("skip_faulty", mark("Leave faulty lines out")),
    "planned": ("planned", mark("Times in valid_from may be planned, up to a year ahead")),
    "short": (
        "short_lines",
        mark("Lines may lack their last fields, as some spreadsheets write empty ones"),
    ),
    "similar": (
        "similar_ids",
        mark("Also register ids that differ from others only by leading zeros"),
    ),
    "spreadsheet": (
        "spreadsheet_ids",
        mark("Also register ids as spreadsheets change them, such as 241.0"),
    ),
    "placeholders": ("placeholders", mark("Also register ids such as N/A, TBD or Total")),
    "stripped": (
        "stripped_cases",
        mark("Parts may leave an installed case, with nothing in their place"),
    ),
    "other-pms": (
        "other_pms",
        mark("A cabinet that is installed in a PMS may go to another, or out of it"),
    ),
}
"""The boxes of the page: what each lets through that is refused otherwise, and its text."""


@pms_ui.route("/pms/registry/import", methods=["GET", "POST"])
def registry_import() -> Response:
    """Ask for a file, show its changes, and apply it after confirmation."""
    organisation = one_organisation()
    if not may(MAKE_THINGS, organisation):
        raise Forbidden(_("Only an admin of the organisation may import a file."))
    if request.method == "GET":
        return _page(organisation)
    try:
        if "seal" in request.form:
            return _apply(organisation)
        return _show(organisation, _chosen(organisation))
    except UnusableUpload as error:
        abandon()
        return _page(organisation, status=422, error=str(error))
    except RegistryError as error:
        abandon()
        return _page(organisation, status=422, error=wrong(error, zone_of(organisation.id)))


def _chosen(organisation: Organisation) -> SignedUpload:
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        raise RegistryError(_("Choose a file."))
    name = identifiers.clean(upload.filename)[:200] or "file"
    version = load_directory(organisation.id).version
    return uploads.signed_upload(name, upload.stream.read(MOST_BYTES + 1), version, _rules())


def _rules() -> ImportRules:
    """Return what is accepted in the file: the ticked boxes, by their names."""
    return ImportRules(**{rule: box in request.form for box, (rule, _words) in BOXES.items()})


def _show(organisation: Organisation, chosen: SignedUpload, notice: str = "") -> Response:
    result = _run(organisation, chosen, dry_run=True)
    abandon()
    uploads.check_effort(result.changed)
    zone = zone_of(organisation.id)
    wanted = bool(result.changed) and (chosen.rules.skip_faulty or not result.faults)
    return _page(
        organisation,
        status=200 if wanted or not result.faults else 422,
        result=result,
        lines=rendered(map(would_be, result.change.lines), zone),
        outline=outline(result.summary, zone),
        ignored=ignored(result, zone),
        faults=faults(result.faults, zone),
        refusal=refusal(result),
        cures=cures(result),
        summary=summary(result),
        notice=notice,
        name=chosen.name,
        rules=chosen.rules,
        packed=uploads.packed(chosen) if wanted else "",
        seal=uploads.seal(chosen, organisation.id) if wanted else "",
    )


def _apply(organisation: Organisation) -> Response:
    shown = uploads.opened(request.form.get("file", ""), request.form["seal"], organisation.id)
    again = repeated(
        organisation, Filled({"request_id": shown.request_id}, zone_of(organisation.id))
    )
    if again is not None:
        return _page(organisation, done=again.lines)
    if load_directory(organisation.id).version != shown.version:
        abandon()
        fresh = uploads.signed_upload(
            shown.name, shown.data, load_directory(organisation.id).version, shown.rules
        )
        notice = _("The registry has changed since: look at this again.")
        return _show(organisation, fresh, notice)
    result = _run(organisation, shown, dry_run=False)
    if not result.written:
        raise RegistryError(" ".join((refusal(result), *cures(result))))
    lines = rendered(commit_with_effects(result.change, _author(shown)), zone_of(organisation.id))
    return _page(organisation, done=(*lines, summary(result)), name=shown.name)


def _run(organisation: Organisation, file: SignedUpload, *, dry_run: bool) -> Imported:
    return import_file(
        organisation.id,
        file.data,
        author=_author(file),
        dry_run=dry_run,
        rules=file.rules,
    )


def _author(file: SignedUpload) -> Author:
    return of_file(Author(f"user:{current_user.id}", None, UUID(file.request_id)), file.name)


def _page(organisation: Organisation, *, status: int = 200, **shown: object) -> Response:
    to = addresses(organisation)
    nothing = {"result": None, "error": "", "notice": "", "done": (), "name": ""}
    return page(
        "pms/registry_import.html",
        status=status,
        active="registry",
        to=to,
        trail=trail(to, None, _("Import a file")),
        columns=COLUMNS,
        boxes=BOXES,
        **{"rules": STRICT, **nothing, **shown},
    )
