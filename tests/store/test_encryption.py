"""Secrets at rest."""

from __future__ import annotations

import pytest

from obdtrack.store.encryption import Encryption

VALUES = {"otp": "123456", "Name": "Äsha ☎️"}
OTHER = Encryption("another-secret-key")


@pytest.fixture
def encryption() -> Encryption:
    return Encryption("a-secret-key")


def test_what_was_sealed_can_be_opened(encryption: Encryption) -> None:
    assert encryption.open(encryption.seal(VALUES)) == VALUES


def test_the_same_setting_opens_it_after_a_restart(encryption: Encryption) -> None:
    assert Encryption("a-secret-key").open(encryption.seal(VALUES)) == VALUES


def test_nothing_of_the_values_can_be_seen_in_what_is_sealed(encryption: Encryption) -> None:
    sealed = encryption.seal(VALUES)
    assert b"123456" not in sealed
    assert b"otp" not in sealed


def test_sealed_twice_it_does_not_look_the_same(encryption: Encryption) -> None:
    assert encryption.seal(VALUES) != encryption.seal(VALUES)


def test_with_another_key_it_cannot_be_opened_and_the_setting_is_named(
    encryption: Encryption,
) -> None:
    with pytest.raises(ValueError, match="OBDTRACK_SECRET_KEY"):
        OTHER.open(encryption.seal(VALUES))


@pytest.mark.parametrize("broken", [b"", b"nonsense", b"\0\xff"])
def test_what_was_never_sealed_cannot_be_opened(encryption: Encryption, broken: bytes) -> None:
    with pytest.raises(ValueError, match="OBDTRACK_SECRET_KEY"):
        encryption.open(broken)


def test_a_single_changed_byte_is_noticed(encryption: Encryption) -> None:
    sealed = bytearray(encryption.seal(VALUES))
    sealed[20] ^= 1
    with pytest.raises(ValueError, match="OBDTRACK_SECRET_KEY"):
        encryption.open(bytes(sealed))


def test_equal_data_has_an_equal_fingerprint(encryption: Encryption) -> None:
    assert encryption.fingerprint(b"123456") == Encryption("a-secret-key").fingerprint(b"123456")
    assert encryption.fingerprint(b"123456") != encryption.fingerprint(b"123457")


def test_without_the_key_nobody_can_compute_a_fingerprint(encryption: Encryption) -> None:
    assert encryption.fingerprint(b"123456") != OTHER.fingerprint(b"123456")


def test_the_key_itself_is_not_shown(encryption: Encryption) -> None:
    assert "a-secret-key" not in repr(encryption)
