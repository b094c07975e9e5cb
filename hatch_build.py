"""Has the package need what requirements.txt lists, so that there is one list of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_EXTRA = re.compile(r"# Extra (\w+):")
_ASKED_FOR = {"postgres": ["psycopg[binary]>=3.2,<4"]}
"""What a checkout asks for itself, if its database is PostgreSQL."""


class Requirements(MetadataHookInterface):
    """Splits requirements.txt; below a comment `# Extra NAME:` is what only that extra needs."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Write the dependencies, and those of each extra, into the package's metadata."""
        extra, parts = "", {"": [], **_ASKED_FOR}
        for line in Path(self.root, "requirements.txt").read_text().splitlines():
            if heading := _EXTRA.match(line):
                extra = heading[1]
            elif line and not line.startswith("#"):
                parts.setdefault(extra, []).append(line)
        metadata["dependencies"] = parts.pop("")
        metadata["optional-dependencies"] = parts
