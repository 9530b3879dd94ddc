"""FlexMeasures assets that trackables of the registry may hang under."""

from __future__ import annotations

import sqlalchemy as sa
from flexmeasures.data import db
from flexmeasures.data.models.generic_assets import GenericAsset

from flexmeasures_pms.errors import RegistryError
from flexmeasures_pms.registry.messages.message import message, message_form


def check_parent(account_id: int, asset_id: int | None) -> None:
    """Make sure that an asset is the organisation's own.

    :raises RegistryError: if it is another's, or does not exist: both look the same.
    """
    if asset_id is None:
        return
    query = sa.select(GenericAsset.id).where(
        GenericAsset.id == asset_id, GenericAsset.account_id == account_id
    )
    if db.session.scalar(query) is None:
        form = message_form("Organisation {n} has no asset {asset} to be the parent.")
        raise RegistryError(message(form, n=account_id, asset=asset_id))
