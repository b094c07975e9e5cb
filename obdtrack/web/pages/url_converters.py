"""Names that people give things, as parts of addresses: whatever they consist of, slashes too."""

from __future__ import annotations

from urllib.parse import quote

from werkzeug.routing import BaseConverter


class NameConverter(BaseConverter):
    """Any text up to the end of the address; a slash in it stays part of the name."""

    regex = "(?s:.+)"
    part_isolating = False
    weight = 200

    def to_url(self, value: str) -> str:
        """Return it with nothing left that a browser would tidy away, such as `../`."""
        return quote(str(value), safe="")
