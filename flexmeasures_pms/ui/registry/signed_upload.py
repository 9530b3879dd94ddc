"""A file that a page shows before it is imported.

Nothing is stored on the server: the page carries the compressed file with a signature of this
server. A file that differs from the one that was shown is refused.
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass
from hashlib import sha256
from uuid import uuid4

from flask import current_app
from itsdangerous import BadSignature, URLSafeTimedSerializer

from flexmeasures_pms.errors import PmsError
from flexmeasures_pms.registry.importing.limits import MOST_BYTES, MOST_CHANGES
from flexmeasures_pms.registry.importing.rows import ImportRules
from flexmeasures_pms.ui.language.words import _

MOST_PACKED = 400_000  # Werkzeug accepts at most 500 kB of fields in total
_GOOD_FOR = 24 * 3600  # seconds
COMMAND = "flexmeasures pms import-registry"


class UnusableUpload(PmsError):
    """A file that is too large, or not the one that was shown."""


@dataclass(frozen=True, slots=True)
class SignedUpload:
    """A file that was shown.

    :param version: of the registry that it was compared with.
    :param rules: what is accepted in it.
    :param request_id: the id with which its changes are recorded.
    """

    name: str
    data: bytes
    version: int
    rules: ImportRules
    request_id: str


def signed_upload(name: str, data: bytes, version: int, rules: ImportRules) -> SignedUpload:
    """Return a file to be shown.

    :raises Spoiled: if it is too large.
    """
    made = SignedUpload(name, data, version, rules, str(uuid4()))
    if len(data) > MOST_BYTES or len(packed(made)) > MOST_PACKED:
        message = _("The file is too large for this page: import it with `{command}`.",
                    command=COMMAND)  # fmt: skip
        raise UnusableUpload(message)
    return made


def check_effort(changed: int) -> None:
    """Check that a file can be applied while the user waits.

    :param changed: how many of its lines would change the registry.
    :raises Spoiled: for too many.
    """
    if changed > MOST_CHANGES:
        message = _(
            "{n} lines would change the registry, and this page takes {most} at a time: cut the "
            "file into pieces, or import it with `{command}`.",
            n=changed,
            most=MOST_CHANGES,
            command=COMMAND,
        )
        raise UnusableUpload(message)


def packed(made: SignedUpload) -> str:
    """Return the file as the page carries it."""
    return b64encode(zlib.compress(made.data, 9)).decode()


def seal(made: SignedUpload, account_id: int) -> str:
    """Return the signature of this file for this organisation."""
    what = [
        account_id, sha256(made.data).hexdigest(), made.name, made.version, asdict(made.rules),
        made.request_id,
    ]  # fmt: skip
    return _serializer().dumps(what)


def opened(text: str, sealed: str, account_id: int) -> SignedUpload:
    """Return the file that was shown.

    :raises Spoiled: if it differs, is of another organisation, or was shown too long ago.
    """
    try:
        whose, digest, name, version, rules, request_id = _serializer().loads(
            sealed, max_age=_GOOD_FOR
        )
        data = zlib.decompressobj().decompress(b64decode(text, validate=True), MOST_BYTES + 1)
    except (BadSignature, ValueError, zlib.error) as error:
        raise UnusableUpload(_("This is not the file that was shown. Choose it again.")) from error
    if whose != account_id or sha256(data).hexdigest() != digest:
        raise UnusableUpload(_("This is not the file that was shown. Choose it again."))
    return SignedUpload(name, data, version, ImportRules(**rules), request_id)


def _serializer() -> URLSafeTimedSerializer:
    secret = current_app.secret_key
    if not secret:
        raise UnusableUpload("The server has no SECRET_KEY to seal the file with.")
    return URLSafeTimedSerializer(secret, salt="pms-import-registry")
