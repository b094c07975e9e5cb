"""Names a person's number without telling it: by a keyed hash, the same one every time."""

from __future__ import annotations

from obdtrack.domain import phone
from obdtrack.errors import Code, ObdtrackError
from obdtrack.storage.vault import Vault

_LENGTH = 16
_SHORTEST_WITH_COUNTRY = 11


def pseudonym(number: str, vault: Vault) -> str:
    """Give the name that stands for a number (`+digits`) after its erasure, and in the audit.

    It cannot be turned back without OBDTRACK_SECRET_KEY, and another key gives another name.
    """
    return phone.ERASED + vault.fingerprint(number.encode())[:_LENGTH]


def person_number(text: str) -> str:
    """Give what somebody typed as `+digits`; it need not be a number that can exist.

    Raises ObdtrackError (invalid) if it is none, or may lack its country code: a guessed one would
    be another person's number.
    """
    number = phone.loosely(text)
    if number is None or not _has_country(number, text):
        raise ObdtrackError(
            Code.INVALID,
            "Not a phone number in international form. "
            "Write it with its country code, like +918867135001.",
        )
    return number


def _has_country(number: str, text: str) -> bool:
    said = text.strip().startswith(("+", "00")) or len(number) > _SHORTEST_WITH_COUNTRY
    return said and number[1] in "123456789"  # no country's code begins with 0
