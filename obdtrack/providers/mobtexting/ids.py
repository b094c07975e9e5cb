"""MobTexting's ids: a submission is a UUID, its n-th call `uuid:n` or, if it is one, the UUID."""

from __future__ import annotations

import re
from urllib.parse import unquote

from obdtrack.domain.naming import ProviderIds

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_SUBMISSION = re.compile(_UUID)
_CALL = re.compile(rf"{_UUID}(?::[1-9][0-9]{{0,5}})?")
"""As the provider's documentation writes them."""

_USUAL_ENDS = frozenset({"", ":1"})
_SURROUNDINGS = re.compile(r"[\s{}()<>\[\]\"']+|^urn:uuid:", re.IGNORECASE)
_ANY_UUID = re.compile(
    r"([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})(?::0*([0-9]+))?"
)
"""A UUID as programs write it: without dashes, in capitals and braces, escaped as in a link."""


class UuidIds(ProviderIds):
    """UUIDs in any spelling; other accounts use other ids, whose spelling may tell them apart."""

    example = "70fa87e0-9df9-4327-bc80-a561c48703d8:1"

    def is_id(self, text: str) -> bool:
        return _CALL.fullmatch(self.canonical(text)) is not None

    def canonical(self, text: str) -> str:
        if text[36:39] in _USUAL_ENDS and text[8:9] == "-" and text == text.lower():
            return text  # as almost every report has it
        bare = _SURROUNDINGS.sub("", _SURROUNDINGS.sub("", unquote(unquote(text)))).lower()
        if found := _ANY_UUID.fullmatch(bare):
            *parts, number = found.groups()
            return "-".join(parts) + (f":{number}" if number else "")
        return text.strip()

    def submission(self, provider_id: str) -> str:
        return provider_id.rsplit(":", 1)[0]

    def is_unmistakable(self, mid: str) -> bool:
        return _SUBMISSION.fullmatch(mid) is not None
