"""The state of a call does not depend on the order or the number of its reports' arrivals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from obdtrack.calls.reports.record import same_fact
from obdtrack.domain.events import Event
from obdtrack.domain.fold import CallState, fold
from obdtrack.domain.status import Source, Status
from obdtrack.domain.timeline import build_changes
from tests.factories import claim, report, story

WORDS = ("ANSWER", "MISSED", "BUSY", "NOANSWER", "CANCEL", "CONGESTION", "queued", "RINGING")
MINUTES = (1.0, 1.0 + 0.4 / 60, 1.0 + 5 / 60, 2.0, 3.0, 3.5, 8.0, 331.0)
"""Near each other and far, in whole seconds and broken, half an interval apart, of another zone."""
PROVIDER_TIMES = [
    (start, end) for start in (None, *MINUTES) for end in (None, *MINUTES) if start or end
]
Times = tuple[float | None, float | None]
ANSWERS = (Status.QUEUED, Status.UNKNOWN, Status.REJECTED, Status.UNRESOLVED)


def reports(times: Iterable[Times]) -> st.SearchStrategy[list[Event]]:
    """Some reports with these times, most of which say a part of what another says."""
    whole = st.fixed_dictionaries(
        {
            "word": st.sampled_from(WORDS),
            "time": st.sampled_from(list(times)),
            "duration_seconds": st.sampled_from([0, 16, 23]),
            "charges": st.sampled_from(["0.5000", "10.0000", "9.5000"]),
            "dtmf": st.sampled_from(["1", "2"]),
            "hangup_by": st.sampled_from(["caller", "callee"]),
        }
    )
    return st.lists(whole, min_size=1, max_size=3).flatmap(
        lambda wholes: st.lists(st.sampled_from(wholes).flatmap(a_part_of), min_size=1, max_size=6)
    )


def a_part_of(whole: dict[str, Any]) -> st.SearchStrategy[Event]:
    """A report that says some of this: without a time if there is another, without some facts.

    The amount may be written in fewer digits.
    """
    start, end = whole["time"]
    times = {whole["time"], (start, None), (None, end)} - {(None, None)} or {(None, None)}
    facts = {name: whole[name] for name in ("duration_seconds", "charges", "dtmf", "hangup_by")}
    return st.builds(
        lambda time, left_out, shorter, source, extra: report(
            whole["word"],
            start=time[0],
            end=time[1],
            source=source,
            extra=extra,
            **{name: value for name, value in facts.items() if name not in left_out} | shorter,
        ),
        st.sampled_from(sorted(times, key=str)),
        st.sets(st.sampled_from(sorted(facts))),
        st.sampled_from([{}, {"charges": facts["charges"].rstrip("0").rstrip(".")}]),
        st.sampled_from([Source.WEBHOOK, Source.POLL]),
        st.sampled_from([{}, {"circle": "KA"}]),
    )


def kept(arrivals: Iterable[Event]) -> list[Event]:
    """What is stored of these reports: duplicates only count again."""
    stored: list[Event] = []
    for arrival in arrivals:
        if same_fact(arrival, stored) is None:
            stored.append(arrival)
    return stored


def meaning(state: CallState, **blind: Any) -> CallState:
    """The state without what counts our own events, and without what `blind` overwrites."""
    attempts = tuple(
        attempt._replace(event_ids=(), **_of_attempt(blind)) for attempt in state.attempts
    )
    return state._replace(attempts=attempts, report_count=0, **blind)


def _of_attempt(blind: dict[str, Any]) -> dict[str, Any]:
    names = {"status_source": "source", "status_as_of": "as_of"}
    return {names[name]: value for name, value in blind.items()}


some_interval = st.sampled_from([0, 5])
a_response = st.sampled_from(ANSWERS).map(claim)
timed = reports(PROVIDER_TIMES)
of_any_kind = reports([(None, None), *PROVIDER_TIMES])


@settings(deadline=None, max_examples=200)
@given(timed, st.randoms(use_true_random=False), some_interval, a_response)
def test_reports_with_times_give_one_state_in_any_order(told, random, interval, response):
    shuffled = random.sample(told, len(told))
    one_way = fold(story(response, *told), interval)
    another = fold(story(response, *shuffled), interval)
    assert meaning(another) == meaning(one_way)


@settings(deadline=None, max_examples=300)
@given(timed, st.randoms(use_true_random=False), some_interval, a_response)
def test_reports_that_were_kept_once_give_the_state_of_all_that_came(
    told, random, interval, response
):
    arrivals = random.choices(told, k=2) + random.sample(told, len(told))
    of_all = fold(story(response, *told), interval)
    of_kept = fold(story(response, *kept(arrivals)), interval)
    # Whether the webhook or the poll was first to say it is the one thing that may differ.
    unsaid = {"status_source": Source.SYSTEM}
    assert meaning(of_kept, **unsaid) == meaning(of_all, **unsaid)


@settings(deadline=None, max_examples=200)
@given(of_any_kind, st.randoms(use_true_random=False), a_response)
def test_without_redials_even_reports_without_times_give_one_state(told, random, response):
    arrivals = random.choices(told, k=2) + random.sample(told, len(told))
    of_all = fold(story(response, *told))
    of_kept = fold(story(response, *kept(arrivals)))
    unsaid = {"status_source": Source.SYSTEM, "status_as_of": None}
    assert meaning(of_kept, **unsaid) == meaning(of_all, **unsaid)


@settings(deadline=None, max_examples=300)
@given(of_any_kind, st.randoms(use_true_random=False), some_interval, st.lists(a_response))
def test_a_story_that_folds_only_where_something_may_change_says_what_folding_always_says(
    told, random, interval, responses
):
    shuffled = random.sample([*told, *responses], len(told) + len(responses))
    events = story(*shuffled)
    after = [fold(events[:count], interval).status for count in range(1, len(events) + 1)]
    assert [change.after for change in build_changes(events, interval)] == after
    since = random.randrange(len(events))
    assert build_changes(events, interval, since) == build_changes(events, interval)[since:]
