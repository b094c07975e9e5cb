"""MobTexting's ids: a submission is a UUID, its n-th call `uuid:n` or, if it is one, the UUID."""

from __future__ import annotations

import re

from obdtrack.domain.naming import ProviderIds

_UUID = re.compile(
    r"(?:urn:uuid:)?[{(]?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})"
    r"[})]?(:[0-9]+)?[})]?",
    re.IGNORECASE,
)
"""A UUID as RFC 9562 writes it, and as programs do: without dashes, in braces, in capitals."""

_WRITTEN_BY_HAND = re.compile(
    r"(urn:uuid:)?[{]?[0-9A-Fa-f]{8}(-?[0-9A-Fa-f]{4}){3}-?[0-9A-Fa-f]{12}[}]?(:[1-9][0-9]{0,5})?[}]?"
)


class UuidIds(ProviderIds):
    """UUIDs in any spelling; other accounts use other ids, whose spelling may tell them apart."""

    example = "70fa87e0-9df9-4327-bc80-a561c48703d8:1"

    def is_id(self, text: str) -> bool:
        return _WRITTEN_BY_HAND.fullmatch(text) is not None

    def canonical(self, text: str) -> str:
        if text[8:9] == "-" and text == text.lower():
            return text  # as the provider's documentation writes it
        if found := _UUID.fullmatch(text.strip()):
            *parts, number = found.groups(default="")
            return "-".join(parts).lower() + number
        return text

    def submission(self, provider_id: str) -> str:
        return provider_id.rsplit(":", 1)[0]

    def is_unmistakable(self, mid: str) -> bool:
        found = _UUID.fullmatch(mid)
        return found is not None and found[6] is None
