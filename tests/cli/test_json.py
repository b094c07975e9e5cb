"""`--json`: one document, or one a line, and nothing else on standard output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from obdtrack.application import make_services
from obdtrack.cli import _group
from obdtrack.services import Services
from obdtrack.settings import load_settings
from obdtrack.store.database import Store
from tests.factories import NUMBER


@pytest.fixture
def operating(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> Services:
    """A context on the database that the commands find in the environment."""
    monkeypatch.setenv("OBDTRACK_DATABASE_URL", f"sqlite:///{sqlite_store.database}")
    monkeypatch.setenv("OBDTRACK_SECRET_KEY", "a-secret-key-of-the-tests")
    monkeypatch.setenv("OBDTRACK_PROVIDER_TOKEN", "the-provider-token")
    monkeypatch.setenv("OBDTRACK_BRIDGE", "+918068280000")
    return make_services(load_settings())


def run(*arguments: str, given: str = "") -> Result:
    return CliRunner(catch_exceptions=False).invoke(_group, arguments, input=given)


def document(*arguments: str, given: str = "") -> Any:
    done = run(*arguments, "--json", given=given)
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("command", "keys"),
    [
        ("migrate", {"applied"}),
        ("poll", {"polled", "paused"}),
        ("rebuild --check", {"calls", "different", "figures", "fixed"}),
        ("keys create mine", {"key"}),
        (f"suppress add {NUMBER}", {"number"}),
        (f"export {NUMBER}", {"number", "exported_at", "opted_out_at", "calls", "recipients",
                              "elsewhere"}),
        (f"erase --yes {NUMBER}", {"name", "rows", "concluded", "cleared"}),
        ("backup --note", {"noted_at"}),
        ("destinations add https://shop.example/x", {"id", "secret"}),
        ("webhook fields", {"sample", "templates"}),
    ],
)  # fmt: skip
def test_what_a_command_did_is_one_document(
    operating: Services, command: str, keys: set[str]
) -> None:
    assert document(*command.split()).keys() == keys


@pytest.mark.parametrize("command", ["keys list", "alarms list", "destinations list"])
def test_a_list_without_rows_is_an_empty_document(operating: Services, command: str) -> None:
    assert document(*command.split()) == []
    plain = run(*command.split())
    assert plain.stdout == ""
    assert plain.stderr.strip()


def test_replaying_nothing_says_so_and_is_an_empty_document(operating: Services) -> None:
    assert document("replay", "--outcome", "failed") == {}
    assert "There is no delivery" in run("replay", "--outcome", "failed").stdout


def test_a_copy_and_an_import_are_documents(operating: Services, tmp_path: Path) -> None:
    made = document("backup", str(tmp_path / "copy.db"))
    assert made["bytes"] == (tmp_path / "copy.db").stat().st_size
    assert document("suppress", "import", "-", given=f"{NUMBER}\n") == {
        "added": 1, "already_there": 0,
    }  # fmt: skip


def test_a_campaign_is_told_as_documents(operating: Services, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"Phone\n{NUMBER}\n12\n")
    begun = ("campaign", "import", str(path), "--name", "diwali", "--flow-id", "23", "--yes")
    imported = document(*begun)
    assert (imported["ready"], imported["invalid"]) == (1, 1)
    assert imported["imported_before"] is False
    checked = document("campaign", "check", "diwali")
    assert (checked["ready"], checked["invalid"]) == (1, 1)
    assert checked["first_requests"]
    assert document("campaign", "stop", "diwali")["state"].startswith("stop")
    (line, *_) = run("campaign", "report", "diwali", "--json").stdout.splitlines()
    assert json.loads(line)["to"] == NUMBER


def test_a_destination_is_told_as_documents(operating: Services) -> None:
    made = document("destinations", "add", "https://shop.example/x")["id"]
    assert document("destinations", "show", made)["id"] == made
    assert document("destinations", "pause", made)["state"] == "paused"
    assert document("destinations", "resume", made)["state"] == "active"
    assert document("destinations", "recover", made, "--since", "2026-11-23T11:57:39Z")
    assert document("destinations", "rotate", made)["secret"].startswith("whsec_")
    assert document("destinations", "replay", made, "--failed") == {"replayed": 0}
    assert run("destinations", "log", made, "--json").stdout == ""
    assert document("destinations", "remove", "--yes", made) == {"deleted": made}


def test_one_entry_of_the_audit_is_a_line(operating: Services) -> None:
    run("keys", "create", "mine")
    (line,) = run("audit", "--json").stdout.splitlines()
    assert json.loads(line)["action"] == "key-created"
