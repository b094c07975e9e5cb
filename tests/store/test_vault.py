"""Secrets at rest."""

from __future__ import annotations

import pytest

from obdtrack.store.encryption import Encryption

VALUES = {"otp": "123456", "Name": "Äsha ☎️"}
OTHER = Encryption("another-secret-key")


@pytest.fixture
def vault() -> Encryption:
    return Encryption("a-secret-key")


def test_what_was_sealed_can_be_opened(vault: Encryption) -> None:
    assert vault.open(vault.seal(VALUES)) == VALUES


def test_the_same_setting_opens_it_after_a_restart(vault: Encryption) -> None:
    assert Encryption("a-secret-key").open(vault.seal(VALUES)) == VALUES


def test_nothing_of_the_values_can_be_seen_in_what_is_sealed(vault: Encryption) -> None:
    sealed = vault.seal(VALUES)
    assert b"123456" not in sealed
    assert b"otp" not in sealed


def test_sealed_twice_it_does_not_look_the_same(vault: Encryption) -> None:
    assert vault.seal(VALUES) != vault.seal(VALUES)


def test_with_another_key_it_cannot_be_opened_and_the_setting_is_named(vault: Encryption) -> None:
    with pytest.raises(ValueError, match="OBDTRACK_SECRET_KEY"):
        OTHER.open(vault.seal(VALUES))


@pytest.mark.parametrize("broken", [b"", b"nonsense", b"\0\xff"])
def test_what_was_never_sealed_cannot_be_opened(vault: Encryption, broken: bytes) -> None:
    with pytest.raises(ValueError, match="OBDTRACK_SECRET_KEY"):
        vault.open(broken)


def test_a_single_changed_byte_is_noticed(vault: Encryption) -> None:
    sealed = bytearray(vault.seal(VALUES))
    sealed[20] ^= 1
    with pytest.raises(ValueError, match="OBDTRACK_SECRET_KEY"):
        vault.open(bytes(sealed))


def test_equal_data_has_an_equal_fingerprint(vault: Encryption) -> None:
    assert vault.fingerprint(b"123456") == Encryption("a-secret-key").fingerprint(b"123456")
    assert vault.fingerprint(b"123456") != vault.fingerprint(b"123457")


def test_without_the_key_nobody_can_compute_a_fingerprint(vault: Encryption) -> None:
    assert vault.fingerprint(b"123456") != OTHER.fingerprint(b"123456")


def test_the_key_itself_is_not_shown(vault: Encryption) -> None:
    assert "a-secret-key" not in repr(vault)
