"""How the databases go about our questions: by an index, never through a whole table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from obdtrack.access import audit
from obdtrack.access.audit import AuditFilter
from obdtrack.calls import attention, opt_outs, queries, responses, search
from obdtrack.calls.placing import idempotency, submissions
from obdtrack.calls.reports import deliveries
from obdtrack.calls.search import CallFilter
from obdtrack.campaigns import dispatch, follow, halts, imports, preflight, recipients, report
from obdtrack.campaigns.figures import figures_of
from obdtrack.domain.campaign import CampaignPlan, RecipientStatus
from obdtrack.domain.destination import NotificationStatus
from obdtrack.domain.poll_schedule import POLL
from obdtrack.domain.status import Outcome
from obdtrack.notifications import alarms
from obdtrack.notifications import dispatch as notification_dispatch
from obdtrack.notifications import log as notification_log
from obdtrack.notifications.targets import AlarmTarget
from obdtrack.operations import alarm_rules, system_status
from obdtrack.privacy import retention
from obdtrack.services import CallChange, new_id
from obdtrack.statistics import questions
from obdtrack.store import feed, models, tasks
from obdtrack.store.database import Store
from obdtrack.store.postgres import PostgresStore
from obdtrack.store.sqlite import SqliteStore
from tests import factories
from tests.factories import IDS, MID, NOON, NUMBER, PROVIDER

ID = new_id()
NAME = "erased-0123456789abcdef"
DAY = timedelta(days=1)
ALL_DAY = {"since": NOON, "until": NOON + DAY}
PLAN = CampaignPlan(bridge=NUMBER, flow_id="23")
KEPT = models.RecipientImport(id=ID, campaign_id=ID, created_at=NOON)
CALL = models.Call(id=ID, submission=models.Submission(id=ID, key_id=ID))
CAMPAIGN = models.Campaign(id=ID, name="diwali", changed_at=NOON)
RECIPIENT = models.Recipient(id=ID, campaign_id=ID, to_number=NUMBER, call_id=ID)
NOTE = models.Notification(id=ID, destination_id=ID, position=1, subject=ID, due_at=NOON)
SPAN = questions.span(NOON, NOON + DAY)


def turn() -> dispatch.Turn:
    """A turn of a campaign that nobody has begun."""
    made = object.__new__(dispatch.Turn)
    made._campaign_id, made.now = ID, NOON
    return made


def sending() -> notification_dispatch.SendingTurn:
    """A turn of a destination that nobody has begun."""
    made = object.__new__(notification_dispatch.SendingTurn)
    made._id = ID
    made._services = SimpleNamespace(now=lambda: NOON, shared_now=lambda: NOON)
    made.destination = models.Destination(position=-1, types=[], filter={})
    made._advance = lambda *_: True
    return made


def rule_of_alarms(name: str) -> None:
    """Look by a rule of alarms, with its figure of the limit at nothing."""
    (rule,) = (rule for rule in alarm_rules.RULES if rule.name == name)
    services = SimpleNamespace(settings=factories.settings())
    limit = DAY if name == "unknown" else 0
    list(rule.look(alarm_rules.RuleCase(services, NOON, limit, frozenset())))


QUESTIONS: dict[str, Callable[[], object]] = {
    "a report's call": lambda: queries.lock_reported_calls({f"{MID}:1"}, {MID}),
    "a call's events": lambda: queries.history([ID]),
    "a call by our id": lambda: queries.find(str(ID)),
    "a call by theirs": lambda: queries.find(f"{MID}:1"),
    "who is due": lambda: tasks.is_due(POLL, NOON),
    "late sweeps": lambda: system_status.late_sweeps(NOON),
    "whose id it is": lambda: queries.taken(PROVIDER, [f"{MID}:1"], IDS),
    "newest calls": lambda: search.newest(CallFilter(), 50),
    "older calls": lambda: search.newest(CallFilter(), 50, ID),
    "calls of a status": lambda: search.newest(CallFilter(status="busy"), 50),
    "calls of a number": lambda: search.newest(CallFilter(number=NUMBER), 50),
    "calls of a campaign": lambda: search.newest(CallFilter(name="diwali"), 50),
    "calls of a list": lambda: search.newest(CallFilter(campaign_id=ID), 50),
    "calls of a submission": lambda: search.newest(CallFilter(submission_id=ID), 50),
    "calls of a reference": lambda: search.newest(CallFilter(reference="order-7"), 50),
    "calls of a reason": lambda: search.newest(CallFilter(reason="no-report"), 50),
    "calls of a source": lambda: search.newest(CallFilter(source="poll"), 50),
    "calls of a number of attempts": lambda: search.newest(CallFilter(attempts=2), 50),
    "calls of a flow and an hour": lambda: search.page_of(CallFilter(flow="23", hour=11), 50),
    "calls somebody placed": lambda: search.page_of(CallFilter(callers=(ID,)), 50),
    "conflicts of a campaign": lambda: search.page_of(CallFilter(name="a", conflict=True), 50),
    "references that begin so": lambda: search.references_from("order"),
    "campaigns that begin so": lambda: questions.names_from("diw"),
    "who placed calls": lambda: submissions.callers_of([CALL]),
    "newer calls": lambda: search.newer_page(CallFilter(status="busy", source="poll"), 50, ID),
    "how many calls": lambda: search.count(CallFilter(status="busy", source="poll")),
    "why calls fail": lambda: search.reasons(CallFilter(**ALL_DAY), 50),
    "why a campaign's calls fail": lambda: search.reasons(CallFilter(name="diwali"), 50),
    "how long was talked": lambda: search.talk(CallFilter(name="diwali"), 50),
    "calls that ended at once": lambda: search.page_of(CallFilter(name="diwali", talked=3), 50),
    "when a campaign was alive": lambda: questions.life("diwali"),
    "calls of a day": lambda: search.newest(CallFilter(**ALL_DAY), 50),
    "who waits for this call": lambda: deliveries.waiting_for(PROVIDER, [f"{MID}:1", MID]),
    "newest deliveries": lambda: deliveries.newest(50),
    "deliveries of an outcome": lambda: deliveries.newest(50, outcome="failed"),
    "a call's deliveries": lambda: deliveries.of_call(ID),
    "what failed": lambda: deliveries.ids_of(Outcome.FAILED, 50),
    "how far clocks are apart": lambda: system_status.recent_ends(50),
    "search by number": lambda: search.newest(CallFilter(number=NUMBER), 50),
    "search by last digits": lambda: search.newest(CallFilter(ending="5001"), 50),
    "whose last digits these are": lambda: search.numbers_ending("8867135001"),
    "search by a masked number": lambda: search.newest(CallFilter(masked="+9188•••••001"), 50),
    "search by submission": lambda: search.newest(CallFilter(mid=MID), 50),
    "search by reference": lambda: search.newest(CallFilter(reference="order-7"), 50),
    "calls since": lambda: search.newest(CallFilter(since=NOON), 50),
    "what needs attention": lambda: search.newest(CallFilter(attention=True), 50),
    "deliveries that need attention": lambda: attention.deliveries(NOON, 50),
    "how many need attention": lambda: attention.count(NOON, 100),
    "whether there is any call": lambda: search.is_any(CallFilter()),
    "deliveries to read again": lambda: search.deliveries_after("failed", ID, ID, 50),
    "the figures strip": lambda: questions.totals(None, SPAN),
    "the chart": lambda: questions.over_time(None, SPAN, 2),
    "answered by hour": lambda: questions.by_hour_of_day("diwali", None, 11),
    "a campaign's totals": lambda: questions.totals("diwali", None),
    "campaigns": lambda: questions.campaigns(50),
    "queues of calls": lambda: system_status.call_queues(),
    "queues of deliveries": lambda: system_status.delivery_queues(),
    "checks that are due": lambda: system_status.due_tasks("poll", NOON),
    "silent calls": lambda: system_status.silent_calls(NOON),
    "only polled": lambda: system_status.only_polled(NOON),
    "exchanges of a call": lambda: responses.of_call(ID),
    "when last asked": lambda: responses.last_asked(ID),
    "a twin": lambda: submissions.recent_duplicates(["fingerprint"], NOON),
    "what was heard lately": lambda: submissions.heard_lately(),
    "submissions in flight": lambda: submissions.in_flight(),
    "old keys": lambda: idempotency.forget_older(NOON, 50),
    "old deliveries": lambda: retention.forget_deliveries(Outcome.UNMATCHED, NOON, 50),
    "what was done to a call": lambda: audit.newest(50, subject=str(ID)),
    "who saw a number": lambda: audit.newest(50, wanted=AuditFilter(person=NAME, calls=[ID])),
    "what somebody did": lambda: audit.newest(50, ID, wanted=AuditFilter(actor="Asha")),
    "who did such a thing": lambda: audit.newest(50, wanted=AuditFilter(action="signed-in")),
    "what was done on a day": lambda: audit.newest(50, wanted=AuditFilter(**ALL_DAY)),
    "who failed to sign in lately": lambda: audit._failed_within_the_hour(
        SimpleNamespace(now=lambda: NOON)
    ),
    "who opted out last": lambda: opt_outs.newest(50),
    "who opted out before": lambda: opt_outs.newest(50, (NOON, NUMBER)),
    "whether it is noted": lambda: audit.is_noted("once"),
    "recipients of a campaign": lambda: recipients.page_of(ID, 50),
    "recipients of a status": lambda: recipients.page_of(ID, 50, "invalid"),
    "where a number is planned": lambda: recipients.of_numbers([NUMBER]),
    "who would be called": lambda: next(preflight._scheduled(ID, ["to_number"]), None),
    "who was called since": lambda: preflight._called_since(NOON, PLAN),
    "what a call costs": lambda: preflight._newest_charges(PLAN),
    "a file that was read": lambda: imports._known(ID, "digest"),
    "where numbers stand already": lambda: imports._first_rows(KEPT, [NUMBER]),
    "who is called next": lambda: turn()._due(50),
    "when somebody is due": lambda: turn()._wait(DAY),
    "whom a stop skips": lambda: turn()._some(RecipientStatus.SCHEDULED),
    "who is told next": lambda: turn()._untold(KEPT).exists(),
    "whether too many failed": lambda: halts._failing(
        halts.Situation(CAMPAIGN, PLAN, figures_of("diwali"), NOON, None)
    ),
    "the last failures": lambda: halts.last_failures(CAMPAIGN, 20),
    "whose call it is": lambda: follow._recipient(
        CallChange(ID, None, (), {}),
        RecipientStatus.SENT,
    ),
    "a table of recipients": lambda: list(report._batches(ID)),
    "calls of recipients": lambda: report._calls_of([RECIPIENT]),
    "days of a campaign": lambda: list(report._by_day(CAMPAIGN, ZoneInfo("UTC"), None)),
    "what a destination was sent": lambda: notification_log.page(ID, 50),
    "what it was sent in vain": lambda: notification_log.page(ID, 50, "failed"),
    "how much of it failed": lambda: notification_log.count(ID, NotificationStatus.FAILED),
    "what is to be sent again": lambda: next(notification_log.failed_after(ID, 7), None),
    "what is due": lambda: sending()._due(128),
    "what is pending about some": lambda: sending()._in_order([NOTE]),
    "whether anything is due": lambda: notification_dispatch.any_due(sending()._services),
    "how many wait": lambda: sending()._make_notifications(500),
    "old notifications": lambda: retention.forget_notifications(NOON, 500),
    "what must wait no longer": lambda: notification_log.make_due(ID, NOON),
    "events from a cursor on": lambda: feed.page(1, 9, 50),
    "what happened to one call": lambda: feed.page(1, 9, 50, subject=ID),
    "what happened in a campaign": lambda: feed.page(1, 9, 50, campaign_id=ID),
    "open alarms": lambda: alarms.open_alarms(),
    "past alarms": lambda: alarms.past_alarms(50, ID),
    "what somebody is to be told": lambda: alarms.to_tell(AlarmTarget(ID, ""), NOON),
    **{
        f"alarms of {name}": partial(rule_of_alarms, name)
        for name in ("silent", "polled", "unknown", "unauthorized", "wrong_secret", "unmatched")
    },
    "which calls ended lately": lambda: alarm_rules._ended(NOON, NOON + DAY, newest=True),
    "whose submissions these are": lambda: alarm_rules.submissions_of([MID]),
    "how calls ended": lambda: alarm_rules._ended(NOON, NOON + DAY),
    "errors of an import": lambda: imports._listed(KEPT, RecipientStatus.INVALID),
}
"""What is asked while calls are placed, reported, looked up, polled and forgotten."""

FEW: dict[str, CallFilter] = {
    "unknown": CallFilter(name="diwali", status="unknown"),
    "unresolved": CallFilter(name="diwali", status="unresolved"),
    "submitting": CallFilter(name="diwali", status="submitting"),
    "queued": CallFilter(name="diwali", status="queued"),
    "in doubt": CallFilter(name="diwali", attention=True),
}
"""What few of a campaign's many calls are."""

WHOLE_TABLE = re.compile(
    r"^SCAN (?!_wrapped|oldest|newest|wanted|sqlite_sequence)\S+$|Seq Scan(?! on feed_p)"
)
"""How SQLite and PostgreSQL say that they read all of a table, not of a bounded selection."""


@contextmanager
def overheard(store: Store) -> Iterator[list[tuple[str, Any]]]:
    """Have the statements that are run meanwhile, each with its values."""
    heard: list[tuple[str, Any]] = []
    with store.connection_context(), pytest.MonkeyPatch.context() as patch:
        run, cursor = store.execute_sql, store.cursor

        def execute_sql(sql: str, params: Any = None, *rest: Any) -> Any:
            heard.append((sql, params))
            return run(sql, params, *rest)

        patch.setattr(store, "execute_sql", execute_sql)
        patch.setattr(store, "cursor", lambda *a, **k: _Listening(cursor(*a, **k), heard))
        yield heard


class _Listening:
    def __init__(self, cursor: Any, heard: list[tuple[str, Any]]) -> None:
        self._cursor, self._heard = cursor, heard

    def execute(self, sql: str, params: Any = ()) -> Any:
        if (sql, params) not in self._heard:
            self._heard.append((sql, params))
        return self._cursor.execute(sql, params)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


def plans(store: Store, ask: Callable[[], object]) -> list[str]:
    """How the database goes about a question, a line each step."""
    with overheard(store) as heard:
        ask()
    asked = [
        (sql, params) for sql, params in heard if sql.startswith(("SELECT", "UPDATE", "DELETE"))
    ]
    explain = "EXPLAIN QUERY PLAN " if isinstance(store, SqliteStore) else "EXPLAIN "
    with store.connection_context():
        if isinstance(store, PostgresStore):
            store.execute_sql("SET enable_seqscan = off")  # small tables are read whole otherwise
        return [
            str(row[-1]).strip()
            for sql, params in asked
            for row in store.execute_sql(explain + sql, params)
        ]


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_big_table_is_read_from_end_to_end(each_store: Store, question: str) -> None:
    steps = plans(each_store, QUESTIONS[question])
    assert steps, "nothing was asked"
    assert [step for step in steps if WHOLE_TABLE.search(step)] == []


@pytest.mark.parametrize("kind", FEW)
def test_the_few_are_found_without_reading_a_whole_campaign(sqlite_store: Store, kind: str) -> None:
    """PostgreSQL decides by what it has counted in the tables, and these are empty."""
    steps = plans(sqlite_store, lambda: search.newest(FEW[kind], 50))
    assert [step for step in steps if "calls_name_id" in step] == []
    assert any("calls_status_id" in step or "calls_attention" in step for step in steps)


def test_a_question_without_an_index_would_be_noticed(sqlite_store: Store) -> None:
    call = models.Call
    steps = plans(sqlite_store, lambda: list(call.select().where(call.status_source == "x")))
    assert any(WHOLE_TABLE.search(step) for step in steps)


def test_every_index_answers_a_question(sqlite_store: Store) -> None:
    steps = " ".join(step for ask in QUESTIONS.values() for step in plans(sqlite_store, ask))
    named = {index.name for index in sqlite_store.get_indexes("calls")}
    assert not {
        name for name in named if not name.startswith("sqlite_") and f" {name} " not in f"{steps} "
    }
