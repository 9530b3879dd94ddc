"""What the current user may see, by FlexMeasures' own rules.

Members see their organisation, consultants those of their clients too, admins all. What a
user may not see is answered like what does not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from flask import g, request
from flask_login import current_user
from flexmeasures.auth.policy import user_has_admin_access, user_matches_principals
from flexmeasures.data import db
from flexmeasures.data.models.user import Account
from werkzeug.exceptions import NotFound

from flexmeasures_pms.registry.directory import Directory, Entry, ident_key
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.registry.tables import trackable
from flexmeasures_pms.ui.language.words import _

PARAMETER = "organisation"
READ, CHANGE = "read", "create-children"


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation that the current user may see."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A registered thing that the current user may see.

    :param registered: the registry of its organisation.
    :param now: the time of the request, in UTC.
    """

    organisation: Organisation
    registered: Directory
    entry: Entry
    now: datetime


def organisations() -> tuple[Organisation, ...]:
    """Return the organisations that the current user may see: the own first, then by name."""
    if "pms_organisations" not in g:
        g.pms_organisations = tuple(
            Organisation(account.id, account.name)
            for account in db.session.scalars(_candidates())
            if _allows(account, READ)
        )
    found: tuple[Organisation, ...] = g.pms_organisations
    return found


def chosen() -> tuple[Organisation, ...]:
    """Return the one of ``?organisation=``, or all that the user may see.

    :raises NotFound: if it does not exist, or the user may not see it.
    """
    named = request.args.get(PARAMETER, "")
    if not named:
        return organisations()
    found = tuple(o for o in organisations() if str(o.id) == named)
    if not found:
        raise NotFound(_("There is no such organisation, or you may not see it."))
    return found


def one_organisation() -> Organisation:
    """Return the organisation of a page: the one of the query, or the user's own.

    :raises NotFound: as :func:`chosen`.
    """
    return chosen()[0]


def may(permission: str, organisation: Organisation) -> bool:
    """Whether the current user has one of FlexMeasures' permissions on an organisation.

    By FlexMeasures' rules for accounts and assets, ``read`` is for its members, consultants and
    admin-readers; ``update`` for its members, who may change its assets and what is below them;
    ``create-children`` for its admins and consultants, who may create assets at the top,
    import files, and replay or discard quarantined samples. Admins have all.
    """
    account = db.session.get(Account, organisation.id)
    return account is not None and _allows(account, permission)


def trackable_or_404(kind: str | Sequence[str], ident: str) -> Seen:
    """Return the registered thing of a kind, or of one of some kinds, that an id names.

    Several organisations may use one id: ``?organisation=`` selects one, else the user's own
    comes first.

    :raises NotFound: if the user may see none with that id.
    """
    kinds = (kind,) if isinstance(kind, str) else tuple(kind)
    among = chosen()
    for organisation in _that_know(among, kinds, ident):
        registered = load_directory(organisation.id)
        for one in kinds:
            entry = registered.find(one, ident)
            if entry is not None:
                return Seen(organisation, registered, entry, datetime.now(UTC))
    raise NotFound(_("Nothing is registered with this id, or you may not see it."))


def _candidates() -> sa.Select[tuple[Account]]:
    own = Account.id == current_user.account_id
    query = sa.select(Account).order_by(own.desc(), Account.name, Account.id)
    if user_has_admin_access(current_user, READ):
        return query
    return query.where(own | (Account.consultancy_account_id == current_user.account_id))


def _allows(account: Account, permission: str) -> bool:
    allowed: bool = user_has_admin_access(current_user, permission) or user_matches_principals(
        current_user, account.__acl__().get(permission)
    )
    return allowed


def _that_know(
    among: tuple[Organisation, ...], kinds: tuple[str, ...], ident: str
) -> list[Organisation]:
    """Return those that have registered such an id, without reading whole registries."""
    if len(among) == 1:
        return list(among)
    t = trackable.c
    named = [(t.kind == kind) & (t.ident_key == ident_key(kind, ident)) for kind in kinds]
    ids = set(db.session.scalars(sa.select(t.account_id).where(sa.or_(*named))))
    return [o for o in among if o.id in ids]
