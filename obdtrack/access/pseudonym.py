"""Names a person's number without revealing it: by a keyed hash, the same one every time."""

from __future__ import annotations

from obdtrack.domain import phone
from obdtrack.errors import Code, ObdtrackError
from obdtrack.store.encryption import Encryption

_LENGTH = 16


def pseudonym(number: str, encryption: Encryption) -> str:
    """Return the name that replaces a number (`+digits`) after its erasure, and in the audit.

    It cannot be turned back without OBDTRACK_SECRET_KEY, and another key gives another name.
    """
    return phone.ERASED + encryption.fingerprint(number.encode())[:_LENGTH]


def person_number(text: str) -> str:
    """Return what someone typed as E.164; it need not be a number that is in use.

    Raises ObdtrackError (invalid) if it is no whole number: a guessed country code would make it
    another person's.
    """
    number = phone.whole(text)
    if number is None or phone.is_erased(number):
        raise ObdtrackError(Code.INVALID, phone.NOT_WHOLE)
    return number
