"""A campaign started, paused, edited, reported and restarted in any order, against its rules."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from obdtrack.access.audit import Action
from obdtrack.calls.placing import recover
from obdtrack.campaigns import campaigns, totals
from obdtrack.campaigns.control import control
from obdtrack.domain.campaign import (
    CHANGES,
    CampaignAction,
    CampaignState,
    RecipientStatus,
    Retries,
)
from obdtrack.domain.feed import EventType
from obdtrack.domain.submission import CallRequest, Failure, SendResponse
from obdtrack.errors import Code, ObdtrackError
from obdtrack.store import models
from tests.campaigns.running import RAVI, checked, listening, look_for_work, number, report
from tests.factories import Clock, ScriptedProvider, accepted
from tests.torture import databases
from tests.torture.provider import CrashError

NUMBERS = [number(n) for n in range(12)]
TIMES = 1
WORDS = ("BUSY", "BUSY", "ANSWER", "NOANSWER")
FATES = (*["accepted"] * 3, Failure.TIMEOUT, Failure.RATE_LIMITED, Failure.UNREACHABLE,
         Failure.INVALID_TOKEN, "dies before", *["dies after"] * 3)  # fmt: skip
MAY_RING = ("accepted", Failure.TIMEOUT, "dies after")
PAUSES = (CampaignAction.PAUSE, CampaignAction.RESUME)
ASKED = (*PAUSES * 6, CampaignAction.START, CampaignAction.STOP)

some_time = st.sampled_from([1, 2, 3, 70])


class Campaigns(RuleBasedStateMachine):
    """A campaign of a few numbers, two processes, and a provider that does as it pleases."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory(prefix="obdtrack-", dir=databases.memory())
        path = databases.new_database(databases.Path(self._folder.name))
        self.clock, self.provider = Clock(), ScriptedProvider()
        self.services = listening(databases.open_context(path, self.provider, self.clock))
        self.processes = [self.services, replace(self.services, process_ids={})]
        self.rang: Counter[str] = Counter()
        self.words: defaultdict[str, list[str]] = defaultdict(list)
        self.wrong: list[str] = []  # told in a thread whose errors are the provider's
        self.fate: Any = "accepted"
        self.provider.on_send = self._send
        retries = Retries(("busy",), TIMES, 1)
        self.id = checked(self.services, NUMBERS, retries=retries, per_minute=30)
        for process in self.processes:
            recover.heartbeat(process)
        control(self.id, CampaignAction.START, RAVI, self.services)

    # What happens

    @rule(action=st.sampled_from(ASKED))
    def somebody_wants(self, action: CampaignAction) -> None:
        self._ask(action, lambda: control(self.id, action, RAVI, self.services))

    @rule(per_minute=st.sampled_from([20, 30, 600]))
    def somebody_edits(self, per_minute: int) -> None:
        change = {"per_minute": per_minute}
        self._ask(CampaignAction.EDIT, lambda: campaigns.edit(self.id, change, RAVI, self.services))

    @precondition(lambda self: self._state() == CampaignState.DRAFT)
    @rule()
    def it_is_checked(self) -> None:
        with self.services.store.write():
            campaigns.change(campaigns.locked(self.id), CampaignAction.CHECK, RAVI, self.services)

    @rule(fates=st.lists(st.tuples(st.sampled_from(FATES), some_time, st.sampled_from([0, 1])),
                         min_size=2, max_size=6))  # fmt: skip
    def time_passes(self, fates: list[tuple[Any, int, int]]) -> None:
        """A process looks for work after some seconds, and its requests meet a fate."""
        for fate, seconds, process in fates:
            self._pass(fate, seconds, process)

    def _pass(self, fate: Any, seconds: int, process: int) -> None:
        self.fate = fate
        self.clock.forward(seconds=seconds)
        for one in self.processes:
            recover.heartbeat(one)
        try:
            look_for_work(self.processes[process])
        except CrashError:
            self.processes[process] = replace(self.services, process_ids={})
            self.clock.forward(seconds=recover.LEASE.total_seconds() + 1)
            recover.heartbeat(self.processes[process])
            recover.recover_interrupted(self.processes[process])

    @precondition(lambda self: self.rang)
    @rule(which=st.integers(0, 11), word=st.sampled_from(WORDS))
    def a_report_comes(self, which: int, word: str) -> None:
        to_number = sorted(self.rang)[which % len(self.rang)]
        call = models.Call
        newest = call.select().where(call.to_number == to_number).order_by(call.id.desc()).first()
        if newest.mid is not None:  # whose response came
            self.words[to_number].append(word)
            report(self.services, to_number, word)

    # What must hold

    @invariant()
    def nobody_is_called_who_must_not_be(self) -> None:
        assert self.wrong == []

    @invariant()
    def every_change_is_one_of_the_table(self) -> None:
        row = models.Audit
        for one in row.select().where(row.action == Action.CAMPAIGN_CHANGED):
            told = one.detail
            after = CHANGES[CampaignAction(told["action"])][CampaignState(told["before"])]
            assert after == told["after"]

    @invariant()
    def nobody_is_lost_and_all_are_counted(self) -> None:
        rows = models.Recipient.select()
        counted = Counter(totals.key_of(row.status, row.reason) for row in rows)
        assert counted == totals.stored(self.id)
        assert counted.total() == len(NUMBERS)

    @invariant()
    def whoever_is_called_or_skipped_was_told_of(self) -> None:
        told: defaultdict[str, Counter[Any]] = defaultdict(Counter)
        for event in models.FeedRow.select(models.FeedRow.type, models.FeedRow.subject):
            told[event.type][event.subject] += 1
        rows = list(models.Recipient.select())
        skipped = {row.id: 1 for row in rows if row.status == RecipientStatus.SKIPPED}
        assert told[EventType.CALL_SKIPPED] == skipped
        called = {row.id for row in rows if row.call_id}
        assert called <= told[EventType.CALL_SCHEDULED].keys()
        calls = {call.id: 1 for call in models.Call.select(models.Call.id)}
        assert told[EventType.CALL_PLACED] == calls

    def teardown(self) -> None:
        """Let go of the database."""
        databases.drop(self.services.store)
        self._folder.cleanup()

    # How it is done

    def _ask(self, action: CampaignAction, ask: Any) -> None:
        if self._state() in CHANGES[action]:
            ask()
            return
        with pytest.raises(ObdtrackError) as refused:
            ask()
        assert refused.value.code is Code.CONFLICT

    def _state(self) -> CampaignState:
        return CampaignState(models.Campaign.get().state)

    def _send(self, request: CallRequest) -> SendResponse:
        """Answer as wanted; whose phone may ring now must not have been rung, or was busy."""
        if self.fate in MAY_RING:
            first = not self.rang[request.to]
            words = self.words[request.to]  # of one dialling: the strongest counts
            busy = "BUSY" in words and "ANSWER" not in words
            if not (first or busy):
                self.wrong.append(f"{request.to} was called again")
            if self.rang[request.to] > TIMES:
                self.wrong.append(f"{request.to} was called too often")
            self.rang[request.to] += 1
            self.words[request.to].clear()
        if self.fate in ("dies before", "dies after"):
            raise CrashError
        return accepted(None)(request) if self.fate == "accepted" else SendResponse(self.fate)
