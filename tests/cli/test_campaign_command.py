"""`campaign`: what an operator does with a list of numbers at the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from obdtrack.access import audit
from obdtrack.campaigns import campaigns
from obdtrack.campaigns.campaigns import campaign_view, plan_of
from obdtrack.cli import campaign
from obdtrack.errors import Code, ConfigError, ObdtrackError
from obdtrack.services import Services

# What is asked of the database has tests of its own, on both kinds.
pytestmark = pytest.mark.parametrize("each_store", ["sqlite"], indirect=True)

Run = Callable[..., Result]

LIST = """Phone,Order,Name
+918867135001,A-1,Asha
+918867135002,A-2,Ravi
"""
BAD_LIST = """Phone,Order
+918867135001,A-1
12345,A-2
9.18867E+11,A-3
+918867135001,A-4
"""


@pytest.fixture
def run(services: Services, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `campaign` with these arguments; an error that `main` words is raised."""
    monkeypatch.setattr(campaign, "open_services", lambda: services)
    runner = CliRunner(catch_exceptions=False)

    def invoke(*arguments: str, given: str | None = None) -> Result:
        return runner.invoke(campaign.command, arguments, input=given)

    return invoke


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., str]:
    """Write a file and return its path."""

    def write(content: str, name: str = "list.csv") -> str:
        path = tmp_path / name
        path.write_text(content)
        return str(path)

    return write


def view(name: str = "diwali") -> dict[str, object]:
    found = campaigns.find(name)
    assert found is not None
    return campaign_view(found)


def test_an_import_creates_the_campaign_and_says_what_came_of_it(
    run: Run, file: Callable[..., str]
) -> None:
    done = run("import", file(LIST), "--name", "diwali", "--flow-id", "23", "--yes")
    assert done.stdout == "2 rows: 2 ready, 0 invalid, 0 duplicates\n"
    assert (view()["state"], view()["flow_id"], view()["totals"]["ready"]) == ("draft", "23", 2)


def test_the_guess_is_shown_with_what_is_not_used(run: Run, file: Callable[..., str]) -> None:
    done = run("import", file(LIST), "--name", "diwali", "--flow-id", "23", "--yes")
    assert "  to=Phone\n  reference=Order\nNot used: Name\n" in done.stderr


def test_a_script_has_to_agree_and_until_then_nothing_is_stored(
    run: Run, file: Callable[..., str]
) -> None:
    with pytest.raises(ConfigError, match="Agree with --yes, or name the columns with --map"):
        run("import", file(LIST), "--name", "diwali", "--flow-id", "23")
    assert campaigns.find("diwali") is None


@pytest.mark.parametrize(("answer", "imported"), [("y\n", True), ("n\n", False)])
def test_a_person_is_asked(
    run: Run,
    file: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    imported: bool,
) -> None:
    terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(campaign, "sys", terminal)
    done = run("import", file(LIST), "--name", "diwali", "--flow-id", "23", given=answer)
    assert "Import it so?" in done.output
    assert (campaigns.find("diwali") is not None) == imported


def test_columns_can_be_named(run: Run, file: Callable[..., str]) -> None:
    mapping = "to=Phone,variables.name=Name,reference=Order"
    done = run("import", file(LIST), "--name", "diwali", "--flow-id", "23", "--map", mapping)
    assert done.stdout.startswith("2 rows: 2 ready")
    assert "guessed" not in done.stderr


def test_bad_rows_are_named_by_row_and_column_and_their_cells_are_masked(
    run: Run, file: Callable[..., str]
) -> None:
    done = run("import", file(BAD_LIST), "--name", "diwali", "--flow-id", "23", "--yes")
    assert done.stdout == "4 rows: 1 ready, 2 invalid, 1 duplicates\n"
    for place in ("row 3, Phone: ", "row 4, Phone: ", "row 5, Phone: "):
        assert place in done.stderr
    assert "the same number as row 2" in done.stderr
    assert "8867135001" not in done.output


def test_the_same_file_again_adds_nothing(run: Run, file: Callable[..., str]) -> None:
    path = file(LIST)
    run("import", path, "--name", "diwali", "--flow-id", "23", "--yes")
    again = run("import", path, "--name", "diwali", "--yes")
    assert "was imported before; nothing was added" in again.stdout
    assert view()["totals"]["ready"] == 2


def test_a_plan_comes_from_a_file_and_options_win(
    run: Run, file: Callable[..., str], services: Services
) -> None:
    plan = {"flow_id": "23", "per_minute": 30, "variables": {"shop": "Anand"},
            "retries": {"on": ["busy"], "times": 2, "wait_minutes": 5}}  # fmt: skip
    path = file(json.dumps(plan), "plan.json")
    run("import", file(LIST), "--name", "diwali", "--plan", path, "--per-minute", "90", "--yes")
    found = campaigns.find("diwali")
    assert found is not None
    stored = plan_of(found, services.encryption)
    assert (stored.per_minute, stored.variables, stored.flow_id) == (90, {"shop": "Anand"}, "23")
    assert stored.retries is not None
    assert stored.retries.times == 2


def test_what_is_wrong_with_a_plan_is_said_by_field(run: Run, file: Callable[..., str]) -> None:
    plan = file('{"flow_id": "23", "retries": {"times": "often"}}', "plan.json")
    with pytest.raises(ObdtrackError) as refusal:
        run("import", file(LIST), "--name", "diwali", "--plan", plan, "--budget", "many", "--yes")
    assert set(refusal.value.fields) == {"retries.times", "budget"}


@pytest.mark.parametrize("content", ["[]", "{", "7"])
def test_a_plan_that_is_no_object_is_refused(
    run: Run, file: Callable[..., str], content: str
) -> None:
    with pytest.raises(ConfigError, match="The plan"):
        run("import", file(LIST), "--name", "diwali", "--plan", file(content, "p.json"), "--yes")


def test_a_file_of_an_unknown_kind_is_refused(run: Run, file: Callable[..., str]) -> None:
    with pytest.raises(ConfigError, match=r"none of \.csv"):
        run("import", file(LIST, "list.pdf"), "--name", "diwali", "--flow-id", "23", "--yes")


@pytest.mark.parametrize("mapping", ["Phone", "to=", "phone=Phone", "variables=Name"])
def test_a_mapping_that_names_nothing_is_refused(
    run: Run, file: Callable[..., str], mapping: str
) -> None:
    with pytest.raises(ConfigError, match="--map is written like to=Phone"):
        run("import", file(LIST), "--name", "diwali", "--flow-id", "23", "--map", mapping)


def test_a_list_whose_numbers_are_in_no_clear_column_is_refused(
    run: Run, file: Callable[..., str]
) -> None:
    with pytest.raises(ConfigError, match=r"Name the column of the numbers.*Columns: A1, B1\."):
        run("import", file("A1,B1\nx,y\n"), "--name", "diwali", "--flow-id", "23", "--yes")


@pytest.fixture
def imported(run: Run, file: Callable[..., str]) -> str:
    """A campaign with two recipients; returns its name."""
    run("import", file(LIST), "--name", "diwali", "--flow-id", "23", "--yes")
    return "diwali"


def test_a_check_says_how_many_would_be_called(run: Run, imported: str) -> None:
    done = run("check", imported)
    assert "2 ready" in done.stdout
    assert view()["state"] == "checked"


def test_a_campaign_goes_through_its_states_and_the_audit_has_who_and_why(
    run: Run, imported: str
) -> None:
    run("check", imported)
    assert "diwali is running" in run("start", imported).stdout
    assert "diwali is paused" in run("pause", imported, "--why", "a wrong flow").stdout
    _settled, entry = audit.newest(2, subject=str(view()["id"]))
    assert (entry.actor, entry.detail["why"]) == (audit.operator().name, "a wrong flow")
    assert "diwali is running" in run("resume", str(view()["id"])).stdout
    assert "diwali is stop" in run("stop", imported).stdout


def test_a_change_that_is_not_allowed_says_what_is(run: Run, imported: str) -> None:
    with pytest.raises(ObdtrackError, match="start is not allowed; allowed now:") as refusal:
        run("start", imported)
    assert refusal.value.code is Code.CONFLICT


@pytest.mark.parametrize("verb", ["check", "start", "pause", "resume", "stop", "report"])
def test_an_unknown_campaign_is_said_so(run: Run, verb: str) -> None:
    with pytest.raises(ObdtrackError, match="no campaign with this id or name"):
        run(verb, "nothing")


def test_those_who_were_not_called_come_as_a_file_that_can_be_imported(
    run: Run, imported: str, tmp_path: Path
) -> None:
    path = tmp_path / "unsent.csv"
    run("report", imported, "--by", "unsent", "--output", str(path))
    done = run("import", str(path), "--name", "again", "--flow-id", "23", "--yes")
    assert done.stdout.startswith("2 rows: 2 ready")


def test_a_report_is_a_table_on_standard_output_and_the_audit_says_so(
    run: Run, imported: str
) -> None:
    table = run("report", imported, "--zone", "Asia/Kolkata").stdout.splitlines()
    assert len(table) == 3
    assert "+918867135001" in table[1]
    assert [entry.action for entry in audit.newest(1)] == ["pii-used"]


def test_a_zone_that_is_none_is_refused(run: Run, imported: str) -> None:
    with pytest.raises(ConfigError, match="--zone"):
        run("report", imported, "--zone", "Mars/Olympus")
