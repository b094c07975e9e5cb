"""`destinations`: what an operator does with them at the command line."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

from obdtrack.cli import destinations as module
from obdtrack.errors import ConfigError, ObdtrackError
from obdtrack.notifications import destinations
from obdtrack.notifications.sender import Tried
from obdtrack.services import Services, new_id
from obdtrack.store import models
from tests.factories import NOON

# What is asked of the database has tests of its own, on both kinds.
pytestmark = pytest.mark.parametrize("each_store", ["sqlite"], indirect=True)

Run = Callable[..., Result]
URL = "https://shop.example/obdtrack"


@pytest.fixture
def run(services: Services, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `destinations` with these arguments; an error that `main` words is raised."""
    monkeypatch.setattr(module, "open_services", lambda: services)
    runner = CliRunner(catch_exceptions=False)
    return lambda *arguments, given=None: runner.invoke(module.command, arguments, input=given)


@pytest.fixture
def made(run: Run) -> str:
    """The id of a destination."""
    added = run("add", URL, "--types", "call.*,opt_out.added", "--status", "busy")
    assert added.stdout.startswith("whsec_")
    assert added.stdout.count("\n") == 1
    return added.stderr.split()[1].rstrip(";")


def failed(made: str) -> str:
    row = models.Notification.create(
        id=new_id(), destination_id=UUID(made), position=1, event_id=new_id(), type="call.busy",
        status="failed", tries=10, created_at=NOON, due_at=NOON, tried_at=NOON, duration_ms=15000,
        failure="It took longer than 15 seconds.\x1b",
    )  # fmt: skip
    return str(row.id)


def test_what_was_wished_is_shown_and_listed_without_the_secret(run: Run, made: str) -> None:
    shown = run("show", made).stdout
    assert "types:            call.*,opt_out.added\nfilter:           status=busy\n" in shown
    head, line = run("list").stdout.splitlines()
    assert head.split()[:3] == ["id", "state", "url"]
    assert line.split() == [made, "active", URL, "0", "0", "0", "-", "-"]
    assert head.index("url") == line.index(URL)
    assert "whsec" not in shown + line


@pytest.mark.parametrize(
    ("options", "field"),
    [(("--types", "call.rang"), "types"), (("--campaign", "diwali"), "filter.campaign_id")],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(
    run: Run, options: tuple[str, str], field: str
) -> None:
    with pytest.raises(ObdtrackError) as refused:
        run("add", URL, *options)
    assert list(refused.value.fields) == [field]
    assert destinations.all_of_them() == []


def test_one_is_paused_and_resumed_and_given_a_new_secret(run: Run, made: str) -> None:
    said = "0 events behind, 0 pending, 0 failed\n"
    assert run("pause", made).stdout == f"{URL} is paused: {said}"
    assert run("resume", made).stdout == f"{URL} is active: {said}"
    assert run("rotate", made).stdout.startswith("whsec_")


def test_a_test_says_why_it_was_not_taken(
    run: Run, made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = Tried(500, 12, "oops\x1b", "The response is 500.")
    monkeypatch.setattr(module, "send_test", lambda *_: tried)
    done = run("test", made)
    assert done.stdout == "The response is 500. (12 ms)\noops\ufffd\n"
    assert done.exit_code == 1
    monkeypatch.setattr(module, "send_test", lambda *_: Tried(204, 12, "", None))
    assert run("test", made).stdout == "taken (12 ms)\n"


def test_what_failed_is_listed_and_sent_again(run: Run, made: str) -> None:
    one = failed(made)
    _, line = run("log", made, "--status", "failed").stdout.splitlines()
    assert line.startswith(one)
    assert line.endswith("15000        It took longer than 15 seconds.\ufffd")
    with pytest.raises(ConfigError, match="--failed"):
        run("replay", made)
    with pytest.raises(ObdtrackError, match="OBDTRACK_EVENTS_DAYS"):
        run("replay", made, one)
    assert run("replay", made, "--failed").stdout == "1 will be sent again\n"
    assert run("recover", made, "--since", "2026-11-23T11:00:00Z").stdout.startswith("0 that")
    with pytest.raises(ConfigError, match="--since"):
        run("recover", made, "--since", "yesterday")


def test_one_is_deleted_once_somebody_agrees(run: Run, made: str) -> None:
    assert run("remove", made, given="n\n").exit_code == 1
    assert run("remove", made, given="y\n").stdout == f"deleted {made}\n"
    assert run("list").stderr == "There is no destination yet: destinations add URL\n"
