"""Secrets at rest."""

from __future__ import annotations

import pytest

from obdtrack.storage.vault import Vault

VALUES = {"otp": "123456", "Name": "Äsha ☎️"}
OTHER = Vault("another-secret-key")


@pytest.fixture
def vault() -> Vault:
    return Vault("a-secret-key")


def test_what_was_sealed_can_be_opened(vault: Vault) -> None:
    assert vault.open(vault.seal(VALUES)) == VALUES


def test_the_same_setting_opens_it_after_a_restart(vault: Vault) -> None:
    assert Vault("a-secret-key").open(vault.seal(VALUES)) == VALUES


def test_nothing_of_the_values_can_be_seen_in_what_is_sealed(vault: Vault) -> None:
    sealed = vault.seal(VALUES)
    assert b"123456" not in sealed
    assert b"otp" not in sealed


def test_sealed_twice_it_does_not_look_the_same(vault: Vault) -> None:
    assert vault.seal(VALUES) != vault.seal(VALUES)


def test_with_another_key_it_cannot_be_opened_and_the_setting_is_named(vault: Vault) -> None:
    with pytest.raises(ValueError, match="OBDTRACK_SECRET_KEY"):
        OTHER.open(vault.seal(VALUES))


@pytest.mark.parametrize("broken", [b"", b"nonsense", b"\0\xff"])
def test_what_was_never_sealed_cannot_be_opened(vault: Vault, broken: bytes) -> None:
    with pytest.raises(ValueError, match="OBDTRACK_SECRET_KEY"):
        vault.open(broken)


def test_a_single_changed_byte_is_noticed(vault: Vault) -> None:
    sealed = bytearray(vault.seal(VALUES))
    sealed[20] ^= 1
    with pytest.raises(ValueError, match="OBDTRACK_SECRET_KEY"):
        vault.open(bytes(sealed))


def test_equal_data_has_an_equal_fingerprint(vault: Vault) -> None:
    assert vault.fingerprint(b"123456") == Vault("a-secret-key").fingerprint(b"123456")
    assert vault.fingerprint(b"123456") != vault.fingerprint(b"123457")


def test_without_the_key_nobody_can_compute_a_fingerprint(vault: Vault) -> None:
    assert vault.fingerprint(b"123456") != OTHER.fingerprint(b"123456")


def test_the_key_itself_is_not_shown(vault: Vault) -> None:
    assert "a-secret-key" not in repr(vault)
