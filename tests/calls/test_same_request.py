"""A request is known again under another API key, another secret key and another default."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from marshmallow import fields as marshmallow_fields

from obdtrack.access import keys
from obdtrack.access.audit import operator
from obdtrack.access.keys import create_key, revoke_key, rotate_key
from obdtrack.calls.placing import idempotency
from obdtrack.errors import ObdtrackError
from obdtrack.privacy.erasure import erase
from obdtrack.services import Services
from obdtrack.store import models
from obdtrack.store.encryption import Encryption
from obdtrack.web.api.fields import IdempotencyKeyText
from tests.conftest import Caller
from tests.factories import ScriptedProvider, accepted

KEY = {"Idempotency-Key": "order-7"}
BODY = {"to": "+918867135001", "flow_id": "23", "reference": "7", "variables": {"otp": "123456"}}
SCOPES = ["place", "read"]


def of(name: str) -> UUID:
    """The id of the newest key of this name."""
    return [key.id for key in keys.all_keys() if key.name == name][-1]


def under(caller: Caller, secret: str) -> Caller:
    return Caller(caller.client, secret)


def with_settings(caller: Caller, services: Services, **changes: Any) -> Services:
    """Have the application run on, started anew with other settings."""
    settings = replace(services.settings, **changes)
    known = replace(services, settings=settings, encryption=Encryption(settings.secret_key))
    caller.client.application.extensions["obdtrack"] = known
    return known


def dials_after_a_replaced_key(
    caller: Caller, services: Services, provider: ScriptedProvider, name: str, **how: Any
) -> int:
    """Ask, replace the key, and ask the same again; returns how often the phone rang."""
    replaced_id = of("tests")
    provider.on_send = accepted(mid=None)
    first = caller.post("/calls", BODY, **KEY)
    if name == "tests":
        replaced = under(caller, rotate_key(replaced_id, services, grace=timedelta(0)))
    else:
        replaced = under(caller, create_key(name, SCOPES, services, **how))
        revoke_key(replaced_id, services)
    again = replaced.post("/calls", BODY, **KEY)
    assert again.status_code == first.status_code == 201
    if len(provider.sent) == 1:
        assert (again.data, again.headers["Idempotent-Replayed"]) == (first.data, "true")
    return len(provider.sent)


def a_key_by_itself() -> AbstractContextManager[Any]:
    """Mutant: what was asked under one key is unknown under the next."""
    return patch.object(keys, "_predecessor", lambda *_: None)


def test_a_key_that_takes_the_place_of_another_rings_nobody_again(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    tests = of("tests")
    assert dials_after_a_replaced_key(caller, services, provider, "orders", replaces=tests) == 1


def test_a_key_that_was_rotated_is_the_same_callers(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    rotate_key(of("tests"), services, grace=timedelta(hours=1))  # two rotations later it still is
    assert models.ApiKey.get_by_id(of("tests")).owner_id is not None
    provider.on_send = accepted(mid=None)
    caller.post("/calls", BODY, **KEY)
    third = under(caller, rotate_key(of("tests"), services, grace=timedelta(hours=1)))
    assert third.post("/calls", BODY, **KEY).headers["Idempotent-Replayed"] == "true"
    assert len(provider.sent) == 1


def test_a_key_by_itself_would_be_noticed(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    tests = of("tests")
    with a_key_by_itself():
        assert dials_after_a_replaced_key(caller, services, provider, "o", replaces=tests) == 2


def test_another_programs_key_is_another_callers(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    assert dials_after_a_replaced_key(caller, services, provider, "other") == 2


def test_who_placed_a_call_is_the_key_that_did(caller: Caller, services: Services) -> None:
    second = under(caller, rotate_key(of("tests"), services, grace=timedelta(hours=1)))
    second.post("/calls", BODY, **KEY)
    assert models.Submission.get().key_id == of("tests")


def test_a_key_cannot_take_the_place_of_none(services: Services) -> None:
    with pytest.raises(ObdtrackError, match="There is no key"):
        create_key("orders", SCOPES, services, replaces=UUID(int=7))


def asked_again_under_another_secret_key(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> Any:
    provider.on_send = accepted(mid=None)
    first = caller.post("/calls", BODY, **KEY)
    with_settings(
        caller, services, secret_key="another-secret-key-of-the-tests-7", bridge="+918068280001"
    )
    again = caller.post("/calls", BODY, **KEY)
    assert len(provider.sent) == 1
    return (again.status_code, again.data == first.data)


def as_if_it_could_be_compared() -> AbstractContextManager[Any]:
    """Mutant: a fingerprint by another secret key is another request's."""
    return patch.object(
        idempotency, "_is_same", lambda bound, prints, *_: bound.fingerprint in prints
    )


def test_another_secret_key_and_default_make_no_other_request_of_the_same(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    assert asked_again_under_another_secret_key(caller, services, provider) == (201, True)


def test_taking_it_for_another_request_would_be_noticed(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    with as_if_it_could_be_compared():
        assert asked_again_under_another_secret_key(caller, services, provider)[0] == 422


@pytest.mark.parametrize(
    "change",
    [{"flow_id": "24"}, {"to": "+918867135002"}, {"bridge": "+918068280001"}, {"variables": {}}],
    ids=lambda change: next(iter(change)),
)
def test_what_its_call_shows_to_be_another_request_is_still_refused(
    caller: Caller, services: Services, provider: ScriptedProvider, change: dict[str, Any]
) -> None:
    first = caller.post("/calls", BODY, **KEY)
    with_settings(caller, services, secret_key="another-secret-key-of-the-tests-7")
    refused = caller.post("/calls", {**BODY, **change}, **KEY)
    assert (refused.status_code, first.json["id"] in refused.json["detail"]) == (422, True)
    assert "use a new key" not in refused.text.lower()
    assert len(provider.sent) == 1


def test_an_erased_number_is_not_called_again_under_another_secret_key(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    first = caller.post("/calls", BODY, **KEY)
    caller.report()
    erase(BODY["to"], operator(), services)
    with_settings(caller, services, secret_key="another-secret-key-of-the-tests-7")
    assert caller.post("/calls", BODY, **KEY).json["id"] == first.json["id"]
    assert len(provider.sent) == 1


def test_nothing_in_the_database_tells_the_value_of_a_variable(
    caller: Caller, services: Services
) -> None:
    """Whoever has the database and not the setting cannot try out a million codes."""
    caller.post("/calls", BODY, **KEY)
    stored = models.IdempotencyKey.get().fingerprint
    wanted = idempotency.Wanted([idempotency.CallRequest(bridge="", **BODY)], BODY)
    by_others = idempotency._fingerprints(wanted, Encryption("a guess"))
    assert stored not in by_others
    assert stored in idempotency._fingerprints(wanted, services.encryption)


def given_twice(caller: Caller, provider: ScriptedProvider) -> tuple[int, int]:
    """The status of a request with two keys, and how often somebody was called."""
    twice = [*caller.headers.items(), *KEY.items(), ("Idempotency-Key", "order-8")]
    response = caller.client.post("/api/v1/calls", json=BODY, headers=twice)
    assert response.status_code == 201 or "comma" in response.json["detail"]
    return response.status_code, len(provider.sent)


def test_a_key_that_is_given_twice_is_refused(caller: Caller, provider: ScriptedProvider) -> None:
    assert given_twice(caller, provider) == (400, 0)


def test_taking_two_for_one_would_be_noticed(caller: Caller, provider: ScriptedProvider) -> None:
    with patch.object(IdempotencyKeyText, "_deserialize", marshmallow_fields.String._deserialize):
        assert given_twice(caller, provider) == (201, 1)
