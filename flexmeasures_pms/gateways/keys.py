"""A gateway's key: an id to find it by, and a secret of which only a hash is stored.

``pmsk_<12 hex digits>_<64 hex digits>``. The secret is 256 random bits, which can't be
guessed: one SHA-256 is enough, and a slow password hash would only slow down requests.
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
    """A new key; its secret is known only here.

    :param id: to find it by; not secret.
    :param text: the whole key, for the gateway.
    """

    id: str
    text: str = field(repr=False)


def make() -> IssuedKey:
    """Return a new key."""
    key_id = secrets.token_hex(6)
    return IssuedKey(key_id, f"{PREFIX}{key_id}_{secrets.token_hex(32)}")


def key_id(text: str) -> str | None:
    """Return the id of what a request sent as its key, or None if it is not a key."""
    found = _SHAPE.fullmatch(text)
    return found and found[1]


def digest(text: str) -> bytes:
    """Return what is stored of a key."""
    return sha256(text.encode()).digest()


def matches(text: str, kept: bytes) -> bool:
    """Whether a key has a digest, compared in constant time."""
    return hmac.compare_digest(digest(text), kept)
