"""Lists of recipients, one file per condition, each beside what is read in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from obdtrack.campaigns.imports import ImportOptions, preview
from obdtrack.campaigns.recipient_files import KINDS, FileOptions
from obdtrack.errors import ObdtrackError
from obdtrack.store import models

FILES = sorted(
    path for path in (Path(__file__).parent / "files").iterdir() if path.suffix != ".json"
)
KIND = dict(zip((".csv", ".jsonl", ".xlsx"), KINDS, strict=True))


def read(path: Path, asked: dict[str, Any]) -> dict[str, Any]:
    campaign = models.Campaign(plan={"variables": asked.get("variables", [])})
    file = FileOptions(asked.get("delimiter"), asked.get("header"))
    options = ImportOptions(asked.get("mapping", {}), asked.get("default_country"), file)
    with path.open("rb") as content:
        try:
            shown = preview(campaign, content, KIND[path.suffix], options)
        except ObdtrackError as refused:
            return {"refused": dict(refused.fields)}
    rows = [{name: value for name, value in row.items() if value} for row in shown.pop("first")]
    return {name: value for name, value in shown.items() if value} | {"first": rows}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_list_is_read_as_it_is_meant_or_refused(path: Path) -> None:
    expected = json.loads(path.with_name(path.name + ".json").read_text())
    assert read(path, expected.pop("asked", {})) == expected
