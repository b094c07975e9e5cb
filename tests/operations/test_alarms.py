"""Alarms: each trouble is told once, again once a day, and once when it is over."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from inspect import signature
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from click.testing import CliRunner
from pytest_httpserver import HTTPServer
from structlog.testing import capture_logs
from werkzeug import Request, Response

from obdtrack.access.keys import Access
from obdtrack.calls.polling.check import check_due
from obdtrack.calls.resolve import resolve
from obdtrack.campaigns import campaigns
from obdtrack.campaigns.control import control, move
from obdtrack.cli import alarms as command
from obdtrack.domain.campaign import CampaignAction
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.jobs import KINDS, run_due
from obdtrack.notifications import telling
from obdtrack.notifications.alarms import open_alarms
from obdtrack.notifications.targets import AlarmMessage, AlarmTarget
from obdtrack.operations import alarm_rules
from obdtrack.operations.alarm_rules import RULES
from obdtrack.operations.backup import note_backup
from obdtrack.services import Services, new_id
from obdtrack.store import models
from obdtrack.store.connections import connected
from tests import factories
from tests.campaigns.running import RAVI, checked
from tests.factories import NUMBER, Clock
from tests.operations.conftest import Account

sqlite_only = pytest.mark.parametrize("each_store", ["sqlite"], indirect=True)
MAIL, HOOK = "mailto:ops@example.com", "https://hooks.example.com/a-path-that-is-secret"


class World:
    """An installation in which only one rule is on, an account, and what was told of alarms."""

    def __init__(self, services: Services, account: Account, told: list[AlarmMessage]) -> None:
        self.services, self.account, self.clock = services, account, account.clock
        self.told, self.kept = told, dict[str, Any]()

    def only(self, rule: str, limit: Any = None) -> None:
        """Turn all other rules off."""
        chosen = {f"alarm_{one.name}": None for one in RULES if one.name != rule}
        usual = getattr(factories.settings(), f"alarm_{rule}")
        self.set(**chosen, **{f"alarm_{rule}": usual if limit is None else limit})

    def set(self, **settings: Any) -> None:
        self.services = replace(
            self.services, settings=replace(self.services.settings, **settings), process_ids={}
        )

    def minutes(self, count: int = 1, each: int = 1) -> None:
        for _ in range(count):
            self.clock.forward(minutes=each)
            run_due("alarms", self.services)
            run_due("telling", self.services)

    @property
    def types(self) -> list[str]:
        return [message.fields["type"].removeprefix("alarm.") for message in self.told]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[AlarmMessage]:
    """What was told, to one or to another."""
    told: list[AlarmMessage] = []
    monkeypatch.setattr(telling, "tell", lambda _, message, __: told.append(message))
    return told


@pytest.fixture
def world(services: Services, account: Account, told: list[AlarmMessage]) -> World:
    made = World(services, account, told)
    made.set(alarms=(MAIL,))
    return made


# What goes wrong, and how it is mended


def call_is_silent(world: World) -> None:
    world.kept["mid"] = world.account.place()
    world.clock.forward(minutes=20)
    world.account.report(world.account.place())


def lost_and_asked_for(world: World) -> None:
    world.kept["mids"] = mids = [world.account.place(), world.account.place()]
    world.clock.forward(minutes=16)
    rows = {f"{mid}:1": factories.log_row(id=f"{mid}:1") for mid in mids}
    world.account.provider.on_find = lambda provider_id, **_: factories.call_log(rows[provider_id])
    assert check_due(world.services, 10, lambda _: None) == 2


def lost_ones_come(world: World) -> None:
    row = factories.log_row()
    for mid in world.kept["mids"]:
        world.account.report(mid, start_at=row["start_at"], end_at=row["end_at"])


def unknown_for_an_hour(world: World) -> None:
    world.account.provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    world.kept["call"] = world.account.caller.place().json["id"]
    world.clock.forward(minutes=60)


def decided(world: World) -> None:
    key = Access(new_id(), "ravi", frozenset(), new_id())
    call_id = UUID(world.kept["call"])
    resolve(call_id, action="not-placed", access=key, services=world.services)


def calls_fail(world: World) -> None:
    world.account.reported_calls(5)
    world.clock.forward(hours=5)
    for _ in range(5):
        world.account.report(world.account.place(), status="CHANUNAVAIL")


def token_refused(world: World) -> None:
    refused = SendResponse(Failure.INVALID_TOKEN, "No.", http_status=401, body=b"{}")
    world.account.provider.on_send = lambda _: refused
    world.account.caller.place()


def token_accepted(world: World) -> None:
    world.account.provider.on_send = factories.accepted(mid=None)
    world.account.caller.place()
    world.clock.forward(minutes=15)


def wrong_secrets(world: World) -> None:
    for _ in range(10):
        world.account.caller.deliver("{}", headers={"Authorization": "Bearer not-the-secret-of-us"})
    world.account.caller.client.application.quarantine.flush()


def another_number_is_reported(world: World) -> None:
    world.account.report(world.account.place(), to=918867135999)
    world.clock.forward(minutes=5)


def destination_fails(world: World) -> None:
    now = world.clock.now
    world.kept["row"] = models.Destination(
        id=new_id(), url="https://crm.example.com/a-path-that-is-secret", types=[], filter={},
        numbers="full", secret_encrypted=b"", state="active", created_at=now, changed_at=now,
        position=0, failing_since=now - timedelta(hours=60),
    )  # fmt: skip
    world.kept["row"].save(force_insert=True)


def destination_works(world: World) -> None:
    world.kept["row"].failing_since = None
    world.kept["row"].save()


def campaign_pauses(world: World) -> None:
    found = checked(world.services, 3)
    control(found, CampaignAction.START, RAVI, world.services)
    with world.services.store.write():
        move(campaigns.locked(found), CampaignAction.PAUSE, world.services, "budget")
        move(campaigns.locked(found), CampaignAction.SETTLE, world.services, "budget")
    world.kept["campaign"] = found


def campaign_resumes(world: World) -> None:
    control(world.kept["campaign"], CampaignAction.RESUME, RAVI, world.services)


def disk_left(mebibytes: int) -> Callable[[World], None]:
    usage = SimpleNamespace(free=mebibytes * 1024**2)
    return lambda world: world.kept["patch"].setattr(
        alarm_rules, "shutil", SimpleNamespace(disk_usage=lambda _: usage)
    )


def backup_made(world: World) -> None:
    note_backup(world.services.store, world.clock.now)


def backup_of_old(world: World) -> None:
    backup_made(world)
    world.clock.forward(days=2, minutes=1)


class Scenario(NamedTuple):
    """How a trouble begins and ends; whether examples of calls are told of it."""

    begin: Callable[[World], object]
    end: Callable[[World], object]
    has_calls: bool = False
    limit: Any = None


SCENARIOS = {
    "silent": Scenario(
        call_is_silent, lambda world: world.account.report(world.kept["mid"]), True, 1
    ),
    "polled": Scenario(lost_and_asked_for, lost_ones_come, True),
    "unknown": Scenario(unknown_for_an_hour, decided, True),
    "failures": Scenario(calls_fail, lambda world: world.clock.forward(hours=1), True),
    "unauthorized": Scenario(token_refused, token_accepted, True),
    "wrong_secret": Scenario(wrong_secrets, lambda world: world.clock.forward(hours=1)),
    "unmatched": Scenario(
        another_number_is_reported, lambda world: world.clock.forward(days=1), True
    ),
    "destination": Scenario(destination_fails, destination_works),
    "campaign": Scenario(campaign_pauses, campaign_resumes),
    "disk": Scenario(disk_left(1000), disk_left(1300)),
    "backup": Scenario(backup_of_old, backup_made),
    "clock": Scenario(
        lambda world: world.account.reported_calls(5, timedelta(hours=5, minutes=30)),
        lambda world: world.account.reported_calls(6),
    ),
}


def test_there_is_a_scenario_for_every_rule() -> None:
    assert list(SCENARIOS) == [rule.name for rule in RULES]


@pytest.mark.parametrize("rule", SCENARIOS)
def test_trouble_is_told_once_when_it_begins_and_once_when_it_is_over(
    world: World, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if rule == "disk" and "Postgres" in type(world.services.store).__name__:
        pytest.skip("its disk is another machine's")
    scenario, world.kept["patch"] = SCENARIOS[rule], monkeypatch
    monkeypatch.setattr(alarm_rules, "_MINIMUM", 5)
    world.only(rule, scenario.limit)
    world.minutes()
    assert world.types == []
    with connected(world.services.store):
        scenario.begin(world)
    world.minutes(3)
    assert world.types == ["opened"]
    with connected(world.services.store):
        assert [row.rule for row in open_alarms()] == [rule]
        scenario.end(world)
    world.minutes(3)
    assert world.types == ["opened", "ended"]
    with connected(world.services.store):
        assert open_alarms() == []
    first, last = world.told
    assert first.fields["rule"] == rule
    assert "What to do: " in first.text
    assert bool(first.fields["calls"]) is scenario.has_calls
    assert (first.fields["since"], first.fields["until"]) == (last.fields["since"], None)
    assert last.fields["until"] > last.fields["since"]
    for message in world.told:
        told = f"{message}"
        assert not [word for word in ("8867135", "8068280000", "secret-of") if word in told]


@sqlite_only
def test_a_figure_at_its_limit_raises_no_alarm_anew(world: World) -> None:
    """Ten wrong secrets open it; it holds with the six that are left of them, and not with five."""
    world.only("wrong_secret")
    wrong_secrets(world)
    world.minutes()
    with connected(world.services.store):
        oldest = models.Delivery.select().order_by(models.Delivery.id)
        for count, row in enumerate(oldest.limit(5)):
            row.received_at -= timedelta(hours=1)
            row.save()
            world.minutes(2)
            assert world.types == ["opened"] if count < 4 else ["opened", "ended"]


def test_a_report_that_may_be_about_several_calls_of_a_submission_is_an_alarm(world: World) -> None:
    world.only("unmatched")
    body = {"to": [NUMBER, "+918867135002"], "flow_id": "23"}
    placed = world.account.caller.post("/submissions", body).json
    world.account.report(factories.MID, to=None)
    world.account.report("a0fa87e0-9df9-4327-bc80-a561c48703d8", to=None)  # somebody else's
    world.minutes(4)
    assert world.types == []
    world.minutes(2)
    (message,) = world.told
    assert message.fields["what"].startswith("1 report of the last day named a submission of ours")
    assert set(message.fields["calls"]) == {call["id"] for call in placed["calls"]}


# A quiet installation


@sqlite_only
def test_a_night_without_calls_is_no_silence(world: World) -> None:
    world.account.reported_calls(3)
    world.minutes(12 * 4, each=15)
    world.account.reported_calls(3)
    world.minutes(4)
    assert world.told == []


@sqlite_only
def test_without_a_backup_ever_there_is_no_alarm_unless_one_is_asked_for(world: World) -> None:
    world.only("backup")
    world.minutes(2)
    assert world.types == []
    world.only("backup", timedelta(days=7))
    world.minutes(2)
    assert world.types == ["opened"]


# How often, by whom, and what a restart does


@pytest.fixture
def open_one(world: World) -> World:
    """An alarm that is open, and was told."""
    world.only("campaign")
    with connected(world.services.store):
        campaign_pauses(world)
    world.minutes()
    assert world.types == ["opened"]
    return world


def restarted(world: World) -> World:
    again = replace(world.services, process_ids={})
    return World(again, world.account, world.told)


@sqlite_only
def test_it_is_told_again_once_a_day_while_it_is_open(open_one: World) -> None:
    open_one.minutes(23 * 2, each=30)
    assert open_one.types == ["opened"]
    open_one.minutes(3 * 24 * 2, each=30)
    assert open_one.types == ["opened", "open", "open", "open"]
    assert "paused by itself" in open_one.told[-1].text


def test_a_restart_tells_nothing_again(open_one: World) -> None:
    again = restarted(open_one)
    again.minutes(5)
    with connected(again.services.store):
        campaign_resumes(open_one)
    restarted(again).minutes(5)
    restarted(again).minutes(5)
    assert open_one.types == ["opened", "ended"]


def test_two_servers_open_one_alarm_and_tell_it_once(world: World) -> None:
    """Also if both find the trouble at the same moment, which their turns do not let happen."""
    world.only("campaign")
    with connected(world.services.store):
        campaign_pauses(world)
    other = restarted(world)
    for one in (world, other):
        run_due("alarms", one.services)
    with connected(world.services.store), pytest.MonkeyPatch.context() as patch:
        patch.setattr("obdtrack.notifications.alarms.open_alarms", list)
        alarm_rules.look_for_trouble(other.services)
        patch.undo()
        assert models.Alarm.select().count() == 1
    for one in (world, other):
        run_due("telling", one.services)
    assert world.types == ["opened"]


@sqlite_only
def test_a_rule_that_is_turned_off_ends_its_alarm(open_one: World) -> None:
    open_one.set(alarm_campaign=None)
    open_one.minutes(2)
    assert open_one.types == ["opened", "ended"]


@sqlite_only
def test_a_rule_that_fails_decides_nothing_and_keeps_no_other_from_looking(
    open_one: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [
        rule._replace(look=lambda _: 1 // 0) if rule.name == "campaign" else rule for rule in RULES
    ]
    monkeypatch.setattr(alarm_rules, "RULES", broken)
    open_one.set(alarm_backup=timedelta(days=1))
    with capture_logs() as lines:
        open_one.minutes(2)
    assert {line["rule"] for line in lines if line["event"] == "alarm_rule_failed"} == {"campaign"}
    assert [message.fields["rule"] for message in open_one.told] == ["campaign", "backup"]


@sqlite_only
def test_who_is_named_later_is_told_what_is_open_and_not_what_is_over(open_one: World) -> None:
    with connected(open_one.services.store):
        campaign_resumes(open_one)
    open_one.minutes(2)
    open_one.set(alarms=(MAIL, HOOK), alarm_backup=timedelta(days=1))
    open_one.minutes(2)
    assert open_one.types == ["opened", "ended", "opened", "opened"]
    assert [one.fields["rule"] for one in open_one.told[2:]] == ["backup", "backup"]


# Those who do not take what they are told


class Reached:
    """Targets that can be away: what each was told since."""

    def __init__(self) -> None:
        self.away: set[str] = set()
        self.tries: list[str] = []
        self.took: dict[str, list[str]] = {MAIL: [], HOOK: []}

    def tell(self, target: AlarmTarget, message: AlarmMessage, _: Services) -> None:
        self.tries.append(target.entry)
        if target.entry in self.away:
            raise telling.ObdtrackError("unavailable", f"{target.title} was not told: it is away.")
        self.took[target.entry].append(message.fields["type"].removeprefix("alarm."))


@pytest.fixture
def reached(world: World, monkeypatch: pytest.MonkeyPatch) -> Reached:
    made = Reached()
    monkeypatch.setattr(telling, "tell", made.tell)
    world.set(alarms=(MAIL, HOOK))
    world.only("campaign")
    return made


def test_one_who_is_away_is_told_later_and_the_others_meanwhile(
    world: World, reached: Reached
) -> None:
    reached.away = {MAIL}
    with connected(world.services.store):
        campaign_pauses(world)
    with capture_logs() as lines:
        world.minutes(30)
    assert reached.took == {MAIL: [], HOOK: ["opened"]}
    assert 4 <= reached.tries.count(MAIL) <= 8, "each time it waits for longer"
    why = [line["reason"] for line in lines if line["event"] == "task_put_off"]
    assert why[0] == f"{MAIL} was not told: it is away."
    reached.away = set()
    world.minutes(40)
    assert reached.took == {MAIL: ["opened"], HOOK: ["opened"]}


@sqlite_only
def test_one_that_was_away_all_the_while_is_told_once_what_is_over(
    world: World, reached: Reached
) -> None:
    reached.away = {HOOK}
    with connected(world.services.store):
        campaign_pauses(world)
    world.minutes(30)
    with connected(world.services.store):
        campaign_resumes(world)
    reached.away = set()
    world.minutes(3)  # what is new is told at once, however long the pause had become
    assert reached.took == {MAIL: ["opened", "ended"], HOOK: ["ended"]}


@sqlite_only
def test_what_went_out_as_the_process_died_is_told_again_and_nothing_is_lost(
    world: World, reached: Reached, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.set(alarms=(HOOK,))
    with connected(world.services.store):
        campaign_pauses(world)
    with monkeypatch.context() as patch:
        patch.setattr(telling, "note_told", lambda *_: 1 // 0)
        world.minutes()
    assert reached.took[HOOK] == ["opened"]
    restarted(world).minutes(5)
    assert reached.took[HOOK] == ["opened", "opened"]


@sqlite_only
def test_who_is_no_longer_named_is_not_told(world: World, reached: Reached) -> None:
    reached.away = {HOOK}
    with connected(world.services.store):
        campaign_pauses(world)
    world.minutes(2)
    world.set(alarms=(MAIL,))
    reached.tries.clear()
    world.minutes(10)
    assert reached.tries == []
    with connected(world.services.store):
        assert not models.Task.select().where(models.Task.kind == "telling").exists()


# Each of these is found out


def nothing_is_noted(patch: pytest.MonkeyPatch, _: World) -> None:
    """Forget who was told what, as a memory does that a restart empties."""
    patch.setattr(telling, "note_told", lambda *_: None)


def noted_before_it_goes_out(patch: pytest.MonkeyPatch, world: World) -> None:
    """Note that somebody was told, and tell them then."""
    look = telling.to_tell

    def to_tell(target: AlarmTarget, *args: Any) -> list[Any]:
        found = look(target, *args)
        for alarm, _ in found:
            telling.note_told(target, alarm, world.services)
        return found

    patch.setattr(telling, "to_tell", to_tell)


def all_by_one_task(patch: pytest.MonkeyPatch, _: World) -> None:
    """Tell one after the other, so that one who is away keeps the next from being told."""
    once = telling.tell_what_is_due

    def all_of_them(_: UUID, services: Services) -> None:
        for target in telling.targets(services.settings):
            once(target.id, services)

    patch.setitem(KINDS, "telling", KINDS["telling"]._replace(run=all_of_them))


def no_margin(patch: pytest.MonkeyPatch, _: World) -> None:
    """End an alarm as soon as its figure is below the limit."""
    patch.setattr(alarm_rules.RuleCase, "reached", lambda self, n, _="": n >= self.limit)


def an_hour_is_silence(patch: pytest.MonkeyPatch, _: World) -> None:
    """Take an hour without reports for silence, whether there were calls or not."""

    def look(here: alarm_rules.RuleCase) -> Iterator[alarm_rules.Found]:
        heard = alarm_rules.last_report_at()
        if heard and here.now - heard > timedelta(hours=1):
            yield alarm_rules.Found("Silence.")

    changed = [rule._replace(look=look) if rule.name == "silent" else rule for rule in RULES]
    patch.setattr(alarm_rules, "RULES", changed)


MUTANTS: dict[Any, Callable[..., None]] = {
    nothing_is_noted: test_a_restart_tells_nothing_again,
    noted_before_it_goes_out: test_one_who_is_away_is_told_later_and_the_others_meanwhile,
    all_by_one_task: test_one_who_is_away_is_told_later_and_the_others_meanwhile,
    no_margin: test_a_figure_at_its_limit_raises_no_alarm_anew,
    an_hour_is_silence: test_a_night_without_calls_is_no_silence,
}


@sqlite_only
@pytest.mark.parametrize("mutant", MUTANTS)
def test_what_is_broken_on_purpose_is_found_out(
    world: World, mutant: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = MUTANTS[mutant]
    given = {name: request.getfixturevalue(name) for name in signature(check).parameters}
    mutant(monkeypatch, world)
    with pytest.raises(AssertionError):
        check(**given)


# By mail and by request, for real


class Mailbox:
    """A mail server on loopback: what came, and the response it gives."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.response = "250 OK"

    async def handle_DATA(self, _: Any, __: Any, envelope: Any) -> str:  # noqa: N802
        if self.response.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return self.response


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    made = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        made.port = free.getsockname()[1]
    made.server = Controller(made, hostname="127.0.0.1", port=made.port)
    made.server.start()
    yield made
    made.server.stop()


def by_mail(mailbox: Mailbox, **more: Any) -> dict[str, Any]:
    here = {"smtp_host": "127.0.0.1", "smtp_port": mailbox.port, "smtp_tls": "none"}
    return {"alarms": (MAIL,), "smtp_from": "obdtrack@example.com", **here, **more}


@pytest.fixture
def real(services: Services, account: Account) -> World:
    """An installation whose messages go out."""
    made = World(services, account, [])
    made.only("campaign")
    return made


@sqlite_only
def test_a_mail_says_what_is_wrong_since_when_and_what_to_do(real: World, mailbox: Mailbox) -> None:
    real.set(public_url="https://calls.example.com", **by_mail(mailbox))
    real.only("unknown")
    unknown_for_an_hour(real)
    real.minutes(3)
    decided(real)
    real.minutes(3)
    opened, ended = mailbox.mails
    assert opened["Subject"] == "[obdtrack] Alarm: Calls nobody knows about"
    assert ended["Subject"] == "[obdtrack] Over: Calls nobody knows about"
    assert (opened["To"], opened["From"]) == ("ops@example.com", "obdtrack@example.com")
    assert opened["Auto-Submitted"] == "auto-generated"
    assert opened["Date"].datetime == real.clock.now - timedelta(minutes=5)
    assert opened["Message-ID"] != ended["Message-ID"]
    text = opened.get_content().replace("\r\n", "\n")
    assert "Nobody knows of 1 call whether" in text
    assert "Since 2026-11-23T12:00:00Z." in text
    assert f"https://calls.example.com/calls/{real.kept['call']}" in text
    assert "What to do: they are looked up" in text
    assert "ended at 2026-11-23T13:04:00Z" in ended.get_content()


@sqlite_only
def test_a_mail_server_that_is_down_gets_the_mail_when_it_is_back(
    real: World, mailbox: Mailbox
) -> None:
    real.set(**by_mail(mailbox))
    mailbox.response = f"451 try later, {NUMBER}"
    campaign_pauses(real)
    with capture_logs() as lines:
        real.minutes(2)
    line, *_ = [line for line in lines if line["event"] == "task_put_off"]
    assert "the mail server responds 451" in line["reason"]
    mailbox.response = "250 OK"
    real.minutes(5)
    assert len(mailbox.mails) == 1


@pytest.fixture
def hook(httpserver: HTTPServer) -> SimpleNamespace:
    """A target that keeps what it is sent, and responds as told."""
    made = SimpleNamespace(bodies=[], response=Response(status=204), url=httpserver.url_for("/x"))

    def take(request: Request) -> Response:
        made.bodies.append(json.loads(request.data))
        return made.response

    httpserver.expect_request("/x", method="POST").respond_with_handler(take)
    return made


@sqlite_only
def test_a_request_has_the_text_and_every_part_of_it(real: World, hook: SimpleNamespace) -> None:
    """Its response may be longer than anybody wants to read."""
    hook.response = Response(b"x" * 200_000)
    real.set(alarms=(hook.url,))
    campaign_pauses(real)
    real.minutes(3)
    (body,) = hook.bodies
    assert UUID(body.pop("id"))
    assert body.pop("text").startswith(body["what"])
    assert body == {
        "type": "alarm.opened",
        "rule": "campaign",
        "subject": "[obdtrack] Alarm: A campaign paused by itself",
        "title": "A campaign paused by itself",
        "what": 'The campaign "diwali" paused by itself: the budget is spent, or another call '
        "could exceed it.",
        "to_do": "see docs/campaigns.md for what pauses it; then resume or stop it.",
        "since": "2026-11-23T12:00:00Z",
        "until": None,
        "calls": [],
        "url": None,
    }


@sqlite_only
@pytest.mark.parametrize(
    ("response", "why"),
    [
        (Response(status=500), "it responds 500"),
        (Response(status=302, headers={"Location": "http://127.0.0.1:9/"}), "it responds 302"),
    ],
    ids=["fault", "redirect"],
)
def test_a_response_that_is_no_success_is_said_by_the_test_command(
    services: Services,
    hook: SimpleNamespace,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
    response: Response,
    why: str,
) -> None:
    hook.response = response
    chosen = by_mail(mailbox, alarms=(hook.url, MAIL))
    services = replace(services, settings=replace(services.settings, **chosen))
    monkeypatch.setattr(command, "open_services", lambda: services)
    done = CliRunner().invoke(command.command, ["test"])
    assert done.exit_code == 1
    assert done.output.splitlines() == [
        f"failed: http://localhost was not told: {why}.",
        f"told: {MAIL}",
    ]
    assert mailbox.mails[0]["Subject"] == "[obdtrack] Test of the alarms"


@sqlite_only
def test_a_server_without_the_tls_that_is_asked_for_gets_no_mail(
    real: World, mailbox: Mailbox
) -> None:
    real.set(**by_mail(mailbox, smtp_tls="starttls", smtp_user="ops", smtp_password="the-password"))
    ((_, why),) = telling.try_targets(real.services)
    assert why == f"{MAIL} was not told: STARTTLS extension not supported by server."
    assert mailbox.mails == []
    real.set(smtp_tls="tls")
    ((_, why),) = telling.try_targets(real.services)
    assert why
    assert mailbox.mails == []


# Whether obdtrack itself is alive


@sqlite_only
def test_somebody_outside_is_pinged_every_minute_by_one_process(
    real: World, httpserver: HTTPServer, clock: Clock
) -> None:
    httpserver.expect_request("/beat", method="GET").respond_with_data("OK")
    assert run_due("ping", real.services) == 0
    real.set(heartbeat_url=httpserver.url_for("/beat"))
    other = restarted(real)
    for _ in range(6):
        for one in (real, other):
            run_due("ping", one.services)
        clock.forward(seconds=30)
    assert len(httpserver.log) == 3


@sqlite_only
def test_a_ping_that_fails_disturbs_nothing_and_is_sent_again(
    real: World, httpserver: HTTPServer, clock: Clock
) -> None:
    httpserver.expect_request("/beat").respond_with_data("no", status=500)
    real.set(heartbeat_url=httpserver.url_for("/beat"))
    with capture_logs() as lines:
        for _ in range(3):
            run_due("ping", real.services)
            clock.forward(minutes=1)
    assert [line["event"] for line in lines] == ["heartbeat_not_sent"] * 3
    assert lines[0]["reason"] == "it responds 500"
    assert len(httpserver.log) == 3
