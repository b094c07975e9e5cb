"""API keys in the database."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import peewee
import pytest

from obdtrack.access import keys
from obdtrack.services import new_id
from obdtrack.store import models
from obdtrack.store.database import Store
from tests.factories import NOON

SECRET = "obd_a-secret-of-the-tests"


def add(store: Store, secret: str = SECRET, name: str = "tests") -> UUID:
    key_id = new_id()
    with store.write():
        keys.add(key_id, name, secret, ["read", "place"], NOON)
    return key_id


def test_a_key_is_found_by_its_secret(each_store: Store) -> None:
    key_id = add(each_store)
    add(each_store, "obd_another")
    found = keys.find_active(SECRET)
    assert found is not None
    assert (found.id, found.name, found.scopes) == (key_id, "tests", ["place", "read"])


def test_the_secret_is_nowhere_in_the_database(each_store: Store) -> None:
    add(each_store)
    (row,) = models.ApiKey.select().dicts()
    assert SECRET not in str(row)
    assert row["digest"] == keys.digest(SECRET)


@pytest.mark.parametrize(
    "wrong", ["", SECRET[:-1], SECRET.upper(), "\0", "\ud800", keys.digest(SECRET)]
)
def test_a_wrong_secret_finds_nothing(each_store: Store, wrong: str) -> None:
    add(each_store)
    assert keys.find_active(wrong) is None


def test_a_revoked_key_is_not_found(each_store: Store) -> None:
    key_id = add(each_store)
    with each_store.write():
        assert keys.revoke(key_id, NOON)
    assert keys.find_active(SECRET) is None


def test_a_key_can_be_revoked_only_once(each_store: Store) -> None:
    key_id = add(each_store)
    with each_store.write():
        keys.revoke(key_id, NOON)
        assert not keys.revoke(key_id, NOON + timedelta(days=1))
    assert models.ApiKey.get_by_id(key_id).revoked_at == NOON


def test_revoking_one_key_leaves_the_others(each_store: Store) -> None:
    add(each_store)
    with each_store.write():
        assert not keys.revoke(new_id(), NOON)
    assert keys.find_active(SECRET) is not None


def test_two_keys_never_share_a_secret(each_store: Store) -> None:
    add(each_store)
    with pytest.raises(peewee.IntegrityError):
        add(each_store)


def test_the_use_of_a_key_is_noted_to_the_minute(each_store: Store) -> None:
    key_id = add(each_store)
    assert keys.needs_note(models.ApiKey.get_by_id(key_id), NOON)
    with each_store.write():
        keys.note_use(key_id, NOON)
    noted = models.ApiKey.get_by_id(key_id)
    assert noted.last_used_at == NOON
    assert not keys.needs_note(noted, NOON + timedelta(seconds=59))
    assert keys.needs_note(noted, NOON + timedelta(seconds=60))


def test_keys_are_listed_in_the_order_they_were_made(each_store: Store) -> None:
    made = [add(each_store, f"obd_{count}") for count in range(3)]
    assert [key.id for key in keys.all_keys()] == made
