"""How what is seen of a site is named in public JSON."""

from __future__ import annotations

import msgspec

NAMES = {"ident": "id", "asset_id": "asset", "account_id": "account"}
"""Public names of fields that have another name in Python."""


# A fleet creates thousands at once, which would make Python's garbage collector scan all of
# the process's memory; these objects contain no reference cycles.
class PublicStruct(msgspec.Struct, frozen=True, gc=False, rename=NAMES):
    """Base of what pages show and the API replies with as it is.

    :param account_id: of the organisation.
    :param kind: of thing.
    :param ident: id as registered.
    :param asset_id: of its FlexMeasures asset; None until it is made.
    :param timezone: of its site; None where it is not known.
    """
