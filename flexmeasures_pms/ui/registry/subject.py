"""The registered thing of a page, where it is, and the URLs around it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import current_app
from werkzeug.exceptions import NotFound

from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.registry.kinds import CASE, DEVICES, KINDS, SITE
from flexmeasures_pms.registry.location import above
from flexmeasures_pms.registry.queries.browse import only_timezone
from flexmeasures_pms.registry.timeline import Installation
from flexmeasures_pms.ui.language.words import _
from flexmeasures_pms.ui.page import links
from flexmeasures_pms.ui.page.access import (
    Organisation,
    Seen,
    may,
    organisations,
    trackable_or_404,
)
from flexmeasures_pms.ui.registry.terms import called

CHANGE_THINGS, MAKE_THINGS = "update", "create-children"
"""FlexMeasures' permissions on an organisation: every member may change its assets, but only
its admins and consultants may create assets at the top."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A thing with its place.

    :param zone: the name of its site's timezone.
    :param row: where it is installed now, None if it is not installed.
    :param above: what it is in, the nearest first.
    """

    organisation: Organisation
    registered: Directory
    entry: Entry
    now: datetime
    zone: str
    row: Installation | None
    above: tuple[Entry, ...]

    @property
    def assembly(self) -> Entry | None:
        """What it is in."""
        return self.above[0] if self.above else None

    @property
    def may_change(self) -> bool:
        """Whether the current user may change it."""
        return may(CHANGE_THINGS, self.organisation)


def subject_or_404(kind: str, ident: str) -> Subject:
    """Return the thing of a kind that an id or alias names.

    :raises NotFound: also for an unknown kind.
    """
    if kind not in KINDS:
        raise NotFound(_("There is no such kind."))
    return subject_of(trackable_or_404(kind, ident))


def subject_of(seen: Seen) -> Subject:
    """Return a thing with its place."""
    registered, entry, now = seen.registered, seen.entry, seen.now
    row, around = registered.installed(entry.id, now), above(registered, entry, now)
    zone = zone_of(seen.organisation.id, entry, *around)
    return Subject(seen.organisation, registered, entry, now, zone, row, around)


def zone_of(account_id: int, *entries: Entry) -> str:
    """Return the timezone of the first thing that has one.

    If none has, it is that of all the organisation's sites, or the server's.
    """
    said = next((entry.timezone for entry in entries if entry.timezone), None)
    server: str = current_app.config["FLEXMEASURES_TIMEZONE"]
    return said or only_timezone(account_id) or server


@dataclass(frozen=True, slots=True)
class Addresses:
    """The registry's URLs for one organisation, which they name if the user sees several."""

    organisation: int | None

    def tree(self, **query: Any) -> str:
        """Return the URL of the tree."""
        return links.page("registry", organisation=self.organisation, **query)

    def branch(self, **query: Any) -> str:
        """Return the URL of one branch of the tree, for scripts."""
        return links.page("registry", "branch", organisation=self.organisation, **query)

    def thing(self, kind: str, ident: str, **query: Any) -> str:
        """Return the URL of a thing, ``do="swap"`` for a form about it."""
        # A browser treats these as parts of the path, even when escaped.
        odd = "/" in ident or ident in (".", "..")
        parts = ("registry", kind) if odd else ("registry", kind, ident)
        named = {"id": ident} if odd else {}
        return links.page(*parts, organisation=self.organisation, **named, **query)

    def register(self, **query: Any) -> str:
        """Return the URL of the form for new things."""
        return links.page("registry", "register", organisation=self.organisation, **query)

    def upload(self) -> str:
        """Return the URL where a file is imported."""
        return links.page("registry", "import", organisation=self.organisation)

    def template(self) -> str:
        """Return the URL of an empty file to import."""
        return links.page("registry", "template.csv", organisation=self.organisation)

    def download(self) -> str:
        """Return the URL of the registry as a file that can be imported."""
        return links.page("registry", "export.csv", organisation=self.organisation)

    def readings(self, kind: str, ident: str) -> str | None:
        """Return the URL of the readings of a case or device, or of the devices in a site."""
        if kind == SITE:
            return links.page("site", ident, organisation=self.organisation)
        if kind not in (CASE, *DEVICES):
            return None
        return links.device(kind, ident, organisation=self.organisation)


def trail(to: Addresses, subject: Subject | None, *more: str) -> list[tuple[str, str | None]]:
    """Return the breadcrumbs to a thing, or to a form about it."""
    steps: list[tuple[str, str | None]] = [(_("Registry"), to.tree())]
    for entry in (*subject.above[::-1], subject.entry) if subject else ():
        steps.append((called(entry), to.thing(entry.kind, entry.ident)))
    steps += [(text, None) for text in more]
    return [*steps[:-1], (steps[-1][0], None)]


def addresses(organisation: Organisation) -> Addresses:
    """Return the URLs for an organisation."""
    return Addresses(organisation.id if len(organisations()) > 1 else None)
