"""Who calls, and what they may, found out without a request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from conftest import Organisation
from flask import has_request_context
from support.gateways import make_key
from support.messages import LIMITS
from support.telemetry import pack_sample, request

from flexmeasures_pms.errors import OutOfScope
from flexmeasures_pms.gateways.access import RefusedKey
from flexmeasures_pms.gateways.caller import (
    READ,
    WRITE,
    Caller,
    admit,
    may,
    may_see,
    of_key,
)
from flexmeasures_pms.wire import Decoded, decode

NOW = datetime.now(UTC)


def caller(
    organisation: Organisation, *devices: tuple[str, str], name: str = "North mast"
) -> Caller:
    assert not has_request_context()
    found = of_key(make_key(organisation.id, *devices, name=name)["x-api-key"], NOW)
    assert isinstance(found, Caller)
    return found


def decoded(pms: str) -> Decoded:
    return decode(
        request({"pms_id": pms}, pack_sample("0241")).encode(),
        dataset="pms",
        content_type="application/json",
        content_encoding="",
        limits=LIMITS,
    )


def test_a_key_says_who_calls(organisation: Organisation) -> None:
    found = caller(organisation)
    assert (found.name, found.account_id) == ("gateway:North mast", organisation.id)
    assert isinstance(of_key("pmsk_0_0", NOW), RefusedKey)


def test_a_key_is_for_its_own_organisation(
    organisation: Organisation, make_organisation: Callable[..., Organisation]
) -> None:
    found = caller(organisation)
    assert may(found, organisation.id, WRITE)
    assert not may(found, make_organisation().id, READ)


def test_a_key_for_some_devices_is_for_no_other(organisation: Organisation) -> None:
    found = caller(organisation, ("pms", "PMS-1"))
    assert may_see(found, "pms", "pms-1")
    assert not may_see(found, "pms", "PMS-2")
    admit(found, 0, decoded("PMS-1"))
    with pytest.raises(OutOfScope):
        admit(found, 0, decoded("PMS-2"))
