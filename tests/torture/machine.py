"""Everything that can happen to calls and reports, in any order, against a tiny model of it."""

from __future__ import annotations

from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from obdtrack.calls.placing import place, recover
from obdtrack.calls.polling import check
from obdtrack.calls.rebuild import rebuild
from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.receive import receive_deliveries
from obdtrack.calls.reports.replay import replay_all
from obdtrack.domain.status import Outcome
from obdtrack.domain.submission import Failure
from obdtrack.services import Services, new_id
from obdtrack.statistics import counters
from obdtrack.store import models
from tests.factories import PROVIDER, Clock, call_request
from tests.torture import databases
from tests.torture.known import Known, claim_after
from tests.torture.provider import (
    DIES,
    UNHEARD_OF,
    WORDS,
    CrashError,
    Fact,
    Fate,
    Life,
    SmallProvider,
)

NUMBERS = ("+918867135001", "+918867135002", "+918867135003")
JOINED = {"matched", "duplicate"}
some_words = st.lists(
    st.lists(st.sampled_from([*WORDS, UNHEARD_OF]), min_size=1, max_size=2).map(tuple),
    min_size=1,
    max_size=2,
).map(tuple)
how_long_ago = st.sampled_from([0, 0, 0, 1, 1, 2, 4, 8])  # mostly, what is new is talked about
any_fact = st.integers(0, 3)


class Calls(RuleBasedStateMachine):
    """An installation whose provider, network, process and clock do as they please."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory(prefix="obdtrack-", dir=databases.memory())
        self.path = databases.new_database(databases.Path(self._folder.name))
        self.clock = Clock()
        self.provider = SmallProvider(self.clock)
        self.known: dict[str, Known] = {}
        self.acknowledged: dict[UUID, tuple[str, Fact] | None] = {}
        self._broken = self._failed = False

    @initialize()
    def begin(self) -> None:
        self._start()

    # What happens

    @rule(
        number=st.sampled_from(NUMBERS),
        fate=st.sampled_from(Fate),
        words=some_words,
        meanwhile=st.sampled_from(["nothing", "report", "recovery", "poll"]),
    )
    def place(self, number: str, fate: Fate, words: Any, meanwhile: str) -> None:
        reference = f"order-{len(self.known)}"
        self.known[reference] = Known()
        self.provider.fate, self.provider.words = fate, words

        def interfere(life: Life | None) -> None:
            self.provider.while_ringing = lambda _: None  # who dials here is not interfered with
            if meanwhile == "report" and life:
                self._receive([(reference, next(life.facts()))])
            elif meanwhile == "recovery":
                another = replace(self.services, process_ids={})
                assert recover.recover_interrupted(another) == 0, "a live process was buried"
            elif meanwhile == "poll":
                self._poll()

        self.provider.while_ringing = interfere
        interval = 5 if len(words) > 1 else 0
        request = call_request(to=number, reference=reference, interval=interval)
        try:
            place.place_call(request, None, self.services)
            self.known[reference].claim = claim_after(fate)
            self._join()
        except CrashError:
            assert fate in DIES
            self.provider.fate = Fate.ACCEPTED
            self.restart()
        self._forward(1)

    @precondition(lambda self: self.provider.lives)
    @rule(places=st.lists(st.tuples(how_long_ago, any_fact, st.booleans()), min_size=1, max_size=4))
    def report(self, places: list[tuple[int, int, bool]]) -> None:
        """Reports come: early, late, twice, out of order, some at once."""
        lives = list(self.provider.lives.items())
        chosen = []
        for back, fact, _ in places:
            reference, life = lives[-1 - back % len(lives)]
            facts = list(life.facts())
            chosen.append((reference, facts[fact % len(facts)]))
        self._receive(chosen, [composed for _, _, composed in places])

    @rule()
    def report_of_a_stranger(self) -> None:
        life = Life("somebody-else:1", NUMBERS[0], self.clock(), (("ANSWER",),))
        self._receive_raw([(None, life.report(Fact(0, "ANSWER"), composed=False))])

    @rule(
        minutes=st.sampled_from([1, 20, 70, 1500]),
        failure=st.sampled_from([None, None, Failure.TIMEOUT, Failure.RATE_LIMITED]),
    )
    def wait_and_poll(self, minutes: int, failure: Failure | None) -> None:
        self._forward(60 * minutes)
        self.provider.find_failure = failure
        self._poll()
        self.provider.find_failure = None

    @rule()
    def restart(self) -> None:
        """The process dies, and another finds what it left once its lease has run out."""
        databases.drop(self.services.store)
        self._start()
        recover.recover_interrupted(self.services)
        self.clock.forward(seconds=recover.LEASE.total_seconds() + 1)
        recover.heartbeat(self.services)
        recover.recover_interrupted(self.services)
        for known in self.known.values():
            known.claim = "unknown" if known.claim == "submitting" else known.claim

    @rule()
    def break_the_reader(self) -> None:
        """A fault of ours: until it is mended, reports are kept but not understood."""
        if not self._broken:
            self._broken = True
            self._whole, self.provider.read_delivery = self.provider.read_delivery, _fails

    @precondition(lambda self: self._broken)
    @rule()
    def mend_the_reader_and_replay(self) -> None:
        self._broken, self.provider.read_delivery = False, self._whole
        for outcome in (Outcome.FAILED, Outcome.UNMATCHED):
            replay_all(outcome, self.services)
        self._join()

    # What must hold

    @invariant()
    def nobody_is_dialled_twice(self) -> None:
        for reference in self.known:
            self._demand(self.provider.dials(reference) <= 1, f"{reference} was dialled twice")

    @invariant()
    def every_call_stands_where_its_facts_put_it(self) -> None:
        if self._unborn():
            return
        for reference, provider_id, status in self._rows():
            known = self.known[reference]
            if provider_id is not None:
                life = self.provider.lives.get(reference)
                right = life is not None and life.provider_id == provider_id
                self._demand(right, f"{reference} was given another call's id")
            allowed = known.statuses()
            self._demand(status in allowed, f"{reference} is {status}, not {allowed}")

    def teardown(self) -> None:
        """Judge the whole story, unless a step of it has failed already."""
        try:
            if not self._failed and not self._unborn():
                self._judge()
        finally:
            if not self._unborn():
                databases.drop(self.services.store)
            self._folder.cleanup()

    def _judge(self) -> None:
        if self._broken:
            self.mend_the_reader_and_replay()
        self.every_call_stands_where_its_facts_put_it()
        named = {reference for reference, provider_id, _ in self._rows() if provider_id}
        outcomes = {row.id: row.outcome for row in models.Delivery.select()}
        assert outcomes.keys() == self.acknowledged.keys(), "an acknowledged report is missing"
        for delivery_id, fact in self.acknowledged.items():
            joined = outcomes[delivery_id] in JOINED
            assert joined == (fact is not None and fact[0] in named), outcomes[delivery_id]
        different = rebuild(self.services, check=True).different
        assert not different, "computed anew from what was received, calls differ"
        kept = _figures()
        with self.services.store.write():
            counters.recount()
        assert kept == _figures(), "the figures are not the sums of the calls"

    # How it is done

    def _start(self) -> None:
        self.services: Services = databases.open_context(self.path, self.provider, self.clock)
        self._give_sign()

    def _unborn(self) -> bool:
        return not hasattr(self, "services")

    def _forward(self, seconds: float) -> None:
        self.clock.forward(seconds=seconds)
        if self.clock() >= self._sign_again_at:
            self._give_sign()

    def _give_sign(self) -> None:
        recover.heartbeat(self.services)
        self._sign_again_at = self.clock() + recover.LEASE / 2

    def _receive(self, told: list[tuple[str, Fact]], composed: list[bool] | None = None) -> None:
        shapes = composed or [False] * len(told)
        self._receive_raw(
            [
                ((reference, fact), self.provider.lives[reference].report(fact, composed=shape))
                for (reference, fact), shape in zip(told, shapes, strict=True)
            ]
        )

    def _receive_raw(self, told: list[tuple[tuple[str, Fact] | None, Any]]) -> None:
        batch = []
        for fact, raw in told:
            self.clock.forward(milliseconds=1)
            batch.append(InboundRequest(new_id(), self.clock(), raw, PROVIDER))
            self.acknowledged[batch[-1].id] = fact
        receive_deliveries(batch, self.services)
        for reference, fact in (about for about, _ in told if about):
            self.known[reference].waiting.add(fact)
        self._join()
        self._forward(1)

    def _join(self) -> None:
        """Let facts count whose call has its id, unless they could not be read when they came."""
        for reference, provider_id, _ in self._rows():
            known = self.known[reference]
            if provider_id is not None and not self._broken:
                known.facts |= known.waiting
                known.waiting.clear()

    def _poll(self) -> None:
        asked = len(self.provider.asked)
        check.check_due(self.services, 50, wait=self._forward)
        if self.provider.find_failure is not None:
            return
        self._join()
        told = {question["provider_id"] for question in self.provider.asked[asked:]}
        for reference, provider_id, _ in self._rows():
            known, life = self.known[reference], self.provider.lives.get(reference)
            found = known.claim == "unknown" and provider_id is not None
            if found:
                known.claim = "queued"
            if life and provider_id is not None and (found or provider_id in told):
                known.facts.add(Fact(len(life.words) - 1, life.words[-1][-1]))

    def _rows(self) -> list[tuple[str, str | None, str]]:
        store = self.services.store
        with store.connection_context():
            return store.execute_sql("SELECT reference, provider_id, status FROM calls").fetchall()

    def _demand(self, holds: bool, words: str) -> None:
        self._failed = self._failed or not holds
        assert holds, words


def _figures() -> list[Any]:
    figure = models.Statistic
    return sorted(row for row in figure.select().where(figure.calls != 0).tuples())


def _fails(_delivery: object) -> Any:
    raise ZeroDivisionError("a fault of ours")
