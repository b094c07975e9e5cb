"""The commands about privacy, as an operator types them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from obdtrack.application import make_services
from obdtrack.calls import opt_outs
from obdtrack.calls.placing.place import place_call
from obdtrack.cli import COMMANDS, _group
from obdtrack.errors import ObdtrackError
from obdtrack.services import Services
from obdtrack.settings import load_settings
from obdtrack.store.database import Store
from tests.factories import NUMBER, ScriptedProvider, call_request
from tests.privacy.told import OTHER, everything
from tests.store import stored

DIGITS = NUMBER[1:]


@pytest.fixture
def operating(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> Services:
    """A context on the database that the commands find in the environment."""
    monkeypatch.setenv("OBDTRACK_DATABASE_URL", f"sqlite:///{sqlite_store.database}")
    monkeypatch.setenv("OBDTRACK_SECRET_KEY", "a-secret-key-of-the-tests")
    monkeypatch.setenv("OBDTRACK_PROVIDER_TOKEN", "the-provider-token")
    return make_services(load_settings())


def run(*arguments: str, given: str = "") -> Result:
    """Run a command to its end."""
    return CliRunner().invoke(_group, arguments, input=given)


def test_erase_asks_first_and_changes_nothing_if_the_answer_is_no(operating: Services) -> None:
    stored.call(operating.store)
    done = run("erase", NUMBER, given="n\n")
    assert done.exit_code == 1
    assert DIGITS.encode() in everything(operating.store)


def test_erase_says_what_changed(operating: Services) -> None:
    placing = replace(operating, provider=ScriptedProvider())
    place_call(call_request(reference=f"for {DIGITS}"), None, placing)
    done = run("erase", "--yes", "+91 88671 35001")
    assert done.exit_code == 0, done.output
    assert "The number is erased-" in done.output
    assert "calls: 1 rows changed" in done.output
    assert DIGITS.encode() not in everything(operating.store)


def test_erase_with_an_incomplete_number_is_refused(operating: Services) -> None:
    assert isinstance(run("erase", "--yes", "8867135001").exception, ObdtrackError)


def test_export_prints_json_alone(operating: Services) -> None:
    stored.call(operating.store)
    data = json.loads(run("export", NUMBER).stdout)
    assert data["number"] == data["calls"][0]["to"] == NUMBER


def test_an_imported_list_is_shown_masked(operating: Services, tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text(f"{NUMBER}\n\n00{OTHER[1:]}\n{DIGITS}\n")
    done = run("suppress", "import", str(path))
    assert done.output == "2 numbers added, 0 were on the list already\n"
    heading, *listed = run("suppress", "list").output.splitlines()
    assert heading.split() == ["number", "since", "origin", "note"]
    assert any(line.startswith("+9188•••••001  2") for line in listed)
    assert NUMBER not in str(listed)
    assert len(list(map(json.loads, run("suppress", "list", "--json").output.splitlines()))) == 2
    assert opt_outs.of_numbers({NUMBER, OTHER}).keys() == {NUMBER, OTHER}


def test_a_list_with_bad_lines_changes_nothing_and_names_them(operating: Services) -> None:
    done = run("suppress", "import", "-", given=f"{NUMBER}\n12345\n{OTHER}\nhello\n")
    assert done.exit_code == 1
    assert [line.partition(":")[0] for line in done.output.splitlines()[:2]] == ["line 2", "line 4"]
    assert "2 bad lines; nothing was changed." in done.output
    listed = run("suppress", "list")
    assert (listed.stdout, listed.stderr) == ("", "Nobody is on the do-not-call list.\n")


def test_a_number_is_added_and_removed(operating: Services) -> None:
    assert (
        "+9188•••••001 was added to the do-not-call list" in run("suppress", "add", NUMBER).output
    )
    assert run("suppress", "remove", f"00{DIGITS}").exit_code == 0
    assert run("suppress", "remove", NUMBER).exit_code == 1


def test_the_audit_tells_it_all_newest_first(operating: Services) -> None:
    run("keys", "create", "mine")
    run("suppress", "add", NUMBER)
    run("export", NUMBER)
    run("erase", "--yes", NUMBER)
    heading, *lines = run("audit").output.splitlines()
    place = heading.index("action")
    told = [line[place:].split()[0] for line in lines]
    assert told == ["number-erased", "number-exported", "number-suppressed", "key-created"]
    assert all("command line" in line and DIGITS[2:] not in line for line in lines)
    assert run("audit", "--limit", "1").output.count("number-erased") == 1


def test_the_audit_can_be_asked_about_one_number_or_thing(operating: Services) -> None:
    run("keys", "create", "mine")
    run("suppress", "add", OTHER)
    run("suppress", "add", NUMBER)
    (about_number,) = run("audit", "--number", NUMBER, "--json").output.splitlines()
    assert json.loads(about_number)["action"] == "number-suppressed"
    key_id = json.loads(run("audit", "--json").output.splitlines()[-1])["subject"]
    assert "key-created" in run("audit", "--about", key_id).output


@pytest.mark.parametrize("scopes", [["read,place"], ["read", "place"]])
def test_scopes_are_named_at_once_or_one_by_one(operating: Services, scopes: list[str]) -> None:
    run("keys", "create", "mine", *(part for scope in scopes for part in ("--scope", scope)))
    assert "place,read" in run("keys", "list").output


def test_a_name_cannot_steer_the_terminal(operating: Services) -> None:
    run("keys", "create", "mine\x1b[2J\nforged  line")
    _, line = run("audit").output.splitlines()
    assert "\x1b" not in line


@pytest.mark.parametrize("command", ["audit", "erase", "export", "suppress"])
def test_each_says_what_it_does(command: str) -> None:
    assert COMMANDS[command].split(",")[0].rstrip(".") in run(command, "--help").output


@pytest.mark.parametrize("spelling", ["8867135001", "918867135001.5", "08867135001", "9.18867E+11"])
@pytest.mark.parametrize("command", [["erase", "--yes"], ["export"], ["suppress", "add"]])
def test_what_is_not_a_whole_number_is_refused(
    operating: Services, command: list[str], spelling: str
) -> None:
    stored.call(operating.store)
    refused = run(*command, spelling).exception
    assert isinstance(refused, ObdtrackError)
    assert "with its country code" in refused.message


@pytest.mark.parametrize("spelling", ["+91 (0) 88671 35001", f"{DIGITS}.0", f"'{NUMBER}"])
def test_any_spelling_of_the_whole_number_finds_it(operating: Services, spelling: str) -> None:
    place_call(call_request(), None, replace(operating, provider=ScriptedProvider()))
    assert json.loads(run("export", spelling).stdout)["calls"]
    assert "calls: 1 rows changed" in run("erase", "--yes", spelling).output
    assert DIGITS.encode() not in everything(operating.store)


def test_erase_and_export_say_that_nothing_was_found(operating: Services) -> None:
    stored.call(operating.store)
    exported = run("export", OTHER)
    assert json.loads(exported.stdout)["calls"] == []
    assert exported.stderr == "Nothing is stored about this number.\n"
    assert run("erase", "--yes", OTHER).output.startswith("Nothing is stored about this number.")
