"""The state of a call does not depend on the order or the number of its reports' arrivals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from obdtrack.domain.event import Event
from obdtrack.domain.fold import CallState, fold
from obdtrack.domain.status import Source, Status
from obdtrack.workflows.record_report import _same_fact
from tests.factories import claim, report, story

WORDS = ("ANSWER", "MISSED", "BUSY", "NOANSWER", "CANCEL", "CONGESTION", "queued", "RINGING")
MINUTES = (1.0, 2.0, 3.0)
PROVIDER_TIMES = [
    (start, end) for start in (None, *MINUTES) for end in (None, *MINUTES) if start or end
]
ANSWERS = (Status.QUEUED, Status.UNKNOWN, Status.REJECTED, Status.UNRESOLVED)


def reports(times: Iterable[tuple[float | None, float | None]]) -> st.SearchStrategy[Event]:
    """Any report with one of these start and end times, and whatever facts beside them."""

    def made(time: tuple[float | None, float | None], word: str, more: dict[str, Any]) -> Event:
        return report(word, start=time[0], end=time[1], **more)

    facts = {
        "source": st.sampled_from([Source.WEBHOOK, Source.POLL]),
        "duration_seconds": st.sampled_from([None, 0, 16, 23]),
        "charges": st.sampled_from([None, "0.5000", "1"]),
        "dtmf": st.sampled_from([None, "1", "2"]),
        "hangup_by": st.sampled_from([None, "caller"]),
        "flow_id": st.sampled_from([None, "23"]),
        "extra": st.sampled_from([{}, {"circle": "KA"}]),
    }
    return st.builds(
        made,
        st.sampled_from(list(times)),
        st.sampled_from(WORDS),
        st.fixed_dictionaries(facts),
    )


def kept(arrivals: Iterable[Event]) -> list[Event]:
    """What is stored of these reports: duplicates only count again."""
    stored: list[Event] = []
    for arrival in arrivals:
        if _same_fact(arrival, stored) is None:
            stored.append(arrival)
    return stored


def meaning(state: CallState, **blind: Any) -> CallState:
    """The state without our own ids, and without what `blind` overwrites."""
    attempts = tuple(
        attempt._replace(event_ids=(), **_of_attempt(blind)) for attempt in state.attempts
    )
    return state._replace(attempts=attempts, **blind)


def _of_attempt(blind: dict[str, Any]) -> dict[str, Any]:
    names = {"status_source": "source", "status_as_of": "as_of"}
    return {names[name]: value for name, value in blind.items()}


some_interval = st.sampled_from([0, 5])
an_answer = st.sampled_from(ANSWERS).map(claim)
timed = st.lists(reports(PROVIDER_TIMES), min_size=1, max_size=6)
of_any_kind = st.lists(reports([(None, None), *PROVIDER_TIMES]), min_size=1, max_size=6)


@settings(deadline=None, max_examples=400)
@given(timed, st.randoms(use_true_random=False), some_interval, an_answer)
def test_reports_with_times_give_one_state_in_any_order(told, random, interval, answer):
    shuffled = random.sample(told, len(told))
    one_way = fold(story(answer, *told), interval)
    another = fold(story(answer, *shuffled), interval)
    assert meaning(another) == meaning(one_way)


@settings(deadline=None, max_examples=800)
@given(timed, st.randoms(use_true_random=False), some_interval, an_answer)
def test_reports_that_were_kept_once_give_the_state_of_all_that_came(
    told, random, interval, answer
):
    arrivals = random.choices(told, k=2) + random.sample(told, len(told))
    of_all = fold(story(answer, *told), interval)
    of_kept = fold(story(answer, *kept(arrivals)), interval)
    # Whether the webhook or the poll was first to say it is the one thing that may differ.
    unsaid = {"status_source": Source.SYSTEM}
    assert meaning(of_kept, **unsaid) == meaning(of_all, **unsaid)


@settings(deadline=None, max_examples=400)
@given(of_any_kind, st.randoms(use_true_random=False), an_answer)
def test_without_redials_even_reports_without_times_give_one_state(told, random, answer):
    arrivals = random.choices(told, k=2) + random.sample(told, len(told))
    of_all = fold(story(answer, *told))
    of_kept = fold(story(answer, *kept(arrivals)))
    unsaid = {"status_source": Source.SYSTEM, "status_as_of": None}
    assert meaning(of_kept, **unsaid) == meaning(of_all, **unsaid)
