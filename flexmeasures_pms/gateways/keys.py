"""A gateway's key: a name to find it by and a secret, of which only a hash is kept.

``pmsk_<12 hex digits>_<64 hex digits>``. The secret is 256 random bits: nobody can try
them all, so that one SHA-256 does, and a slow password hash would only slow requests.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass, field
from hashlib import sha256

PREFIX = "pmsk_"

_SHAPE = re.compile(r"pmsk_([0-9a-f]{12})_[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key, the only time its secret is known.

    :param id: by which it is found; no secret.
    :param text: all of it, for the gateway.
    """

    id: str
    text: str = field(repr=False)


def make() -> IssuedKey:
    """Return a new key."""
    key_id = secrets.token_hex(6)
    return IssuedKey(key_id, f"{PREFIX}{key_id}_{secrets.token_hex(32)}")


def key_id(text: str) -> str | None:
    """Return the id of what a request sent as its key, or None if it can be no key."""
    found = _SHAPE.fullmatch(text)
    return found and found[1]


def digest(text: str) -> bytes:
    """Return what is kept of a key."""
    return sha256(text.encode()).digest()


def matches(text: str, kept: bytes) -> bool:
    """Whether a key is the one of a digest, in a time that does not tell how nearly."""
    return hmac.compare_digest(digest(text), kept)
