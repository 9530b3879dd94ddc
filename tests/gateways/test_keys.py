"""What a key looks like, and what is kept of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures_pms.gateways import keys


def test_a_key_can_be_recognised_and_found_by_its_id() -> None:
    key = keys.make()
    assert re.fullmatch("pmsk_[0-9a-f]{12}_[0-9a-f]{64}", key.text)
    assert keys.key_id(key.text) == key.id
    assert key.text not in repr(key)


def test_only_the_whole_key_matches_what_is_kept() -> None:
    key, other = keys.make(), keys.make()
    kept = keys.digest(key.text)
    assert keys.matches(key.text, kept)
    assert not keys.matches(other.text, kept)
    assert not keys.matches(key.text[:-1], kept)
    assert key.text.encode() not in kept
    assert len(kept) == 32


@pytest.mark.parametrize(
    "text", ["", "pmsk_", "pmsk_0123456789ab_", "PMSK_0123456789ab_" + "0" * 64]
)
def test_other_text_is_no_key(text: str) -> None:
    assert keys.key_id(text) is None


@given(st.text())
def test_any_text_is_survived(text: str) -> None:
    assert keys.key_id(text) is None
    assert keys.key_id(keys.make().text + text + "x") is None
