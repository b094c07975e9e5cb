"""The questions asked of calls."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain
from typing import Any
from uuid import UUID

import peewee
import pytest

from obdtrack.calls import queries, search, writes
from obdtrack.calls.placing import submissions
from obdtrack.calls.placing.submissions import ClosedSubmission
from obdtrack.calls.search import CallFilter
from obdtrack.domain.fold import fold
from obdtrack.domain.naming import ProviderName
from obdtrack.domain.status import Kind, Status
from obdtrack.store import bulk_sql, models
from obdtrack.store.database import Store
from tests.factories import MID, NOON, NUMBER, PROVIDER, claim, report, story
from tests.store import stored

OTHER = "+918919520000"


def ids(wanted: CallFilter, limit: int = 10, before: UUID | None = None) -> list[UUID]:
    return [call.id for call in search.newest(wanted, limit, before)]


def found(identifier: str) -> UUID | None:
    call = queries.find(identifier)
    return call.id if call else None


# One call


def test_a_call_is_found_by_our_id_in_any_spelling(each_store: Store) -> None:
    call_id = stored.call(each_store)
    assert found(str(call_id)) == found(call_id.hex.upper()) == call_id


@pytest.mark.parametrize("provider_id", [f"{MID}:1", MID, "not-a-uuid"])
def test_a_call_is_found_by_the_providers_id(each_store: Store, provider_id: str) -> None:
    call_id = stored.call(each_store, provider_id=provider_id)
    assert found(provider_id) == call_id


@pytest.mark.parametrize(
    "nobody",
    [
        "01a20000-0000-7000-8000-000000000000",
        f"{MID}:2",
        "",
        "nonsense",
        "%",
        "\0",
        f"{MID}:1\0",
        "\ud800",
    ],
)
def test_nobody_is_found_by_an_id_that_no_call_has(each_store: Store, nobody: str) -> None:
    stored.call(each_store, provider_id=f"{MID}:1")
    assert found(nobody) is None


def test_a_call_comes_with_its_submission(each_store: Store) -> None:
    call = queries.find(str(stored.call(each_store, flow_id="77")))
    assert call is not None
    assert call.submission.flow_id == "77"


def test_no_call_is_given_the_id_that_another_has_at_the_provider(each_store: Store) -> None:
    named, other = stored.call(each_store, provider_id=f"{MID}:1"), stored.call(each_store)
    with each_store.write():
        name = ProviderName(other, PROVIDER, f"{MID}:1", MID, None)
        assert writes.set_provider_ids([name]) == {other: named}
    assert found(f"{MID}:1") == named
    assert found(str(other)) == other


def test_a_call_may_be_told_its_own_id_again(each_store: Store) -> None:
    named = stored.call(each_store, provider_id=f"{MID}:1")
    with each_store.write():
        name = ProviderName(named, PROVIDER, f"{MID}:1", MID, None)
        assert writes.set_provider_ids([name]) == {}


def test_the_database_itself_keeps_an_id_to_one_call(each_store: Store) -> None:
    stored.call(each_store, provider_id=f"{MID}:1")
    with pytest.raises(peewee.IntegrityError), each_store.write():
        bulk_sql.update(
            models.Call, ("provider_id",), ("id",), [(f"{MID}:1", stored.call(each_store))]
        )


def test_any_number_of_calls_have_no_id_at_the_provider_yet(each_store: Store) -> None:
    stored.call(each_store)
    stored.call(each_store)
    assert stored.count(each_store) == 2


# Lists


def test_the_newest_call_comes_first(each_store: Store) -> None:
    first, second, third = (stored.call(each_store) for _ in range(3))
    assert ids(CallFilter()) == [third, second, first]


@pytest.mark.parametrize(
    ("field", "request_field", "value"),
    [("number", "to", OTHER), ("name", "name", "diwali"), ("reference", "reference", "order-7")],
)
def test_calls_are_listed_by_what_was_asked_for(
    each_store: Store, field: str, request_field: str, value: str
) -> None:
    wanted = stored.call(each_store, **{request_field: value})
    stored.call(each_store)
    assert ids(CallFilter(**{field: value})) == [wanted]


def test_calls_are_listed_by_status(each_store: Store) -> None:
    busy = stored.call(each_store)
    stored.call(each_store)
    stored.state(each_store, busy, fold(story(report("BUSY"))))
    assert ids(CallFilter(status="busy")) == [busy]


def test_a_time_to_begin_with_is_included_and_a_time_to_end_with_is_not(each_store: Store) -> None:
    times = [NOON + timedelta(microseconds=count) for count in range(3)]
    first, second, third = (stored.call(each_store, at=time) for time in times)
    assert ids(CallFilter(since=times[1])) == [third, second]
    assert ids(CallFilter(until=times[1])) == [first]


def test_filters_together_narrow_the_list(each_store: Store) -> None:
    both = stored.call(each_store, name="diwali", reference="order-7")
    stored.call(each_store, name="diwali")
    stored.call(each_store, reference="order-7")
    assert ids(CallFilter(name="diwali", reference="order-7", number=NUMBER)) == [both]


def test_page_by_page_every_call_is_listed_once(each_store: Store) -> None:
    made = [stored.call(each_store) for _ in range(7)]
    pages = [ids(CallFilter(), 3)]
    while pages[-1]:
        pages.append(ids(CallFilter(), 3, before=pages[-1][-1]))
    assert [len(page) for page in pages] == [3, 3, 1, 0]
    assert list(chain.from_iterable(pages)) == made[::-1]


def test_a_call_made_meanwhile_does_not_shift_the_next_page(each_store: Store) -> None:
    first, second = stored.call(each_store), stored.call(each_store)
    (page,) = ids(CallFilter(), 1)
    stored.call(each_store)
    assert page == second
    assert ids(CallFilter(), 1, before=page) == [first]


# What a report needs


def test_calls_are_matched_by_their_own_id_or_by_their_submissions(each_store: Store) -> None:
    first = stored.call(each_store, provider_id=f"{MID}:1")
    second = stored.call(each_store, provider_id=f"{MID}:2")
    stored.call(each_store, provider_id="another:1")
    assert {match.id for match in queries.lock_reported_calls({f"{MID}:1"}, set())} == {first}
    assert {match.id for match in queries.lock_reported_calls(set(), {MID})} == {first, second}
    assert len(queries.lock_reported_calls({f"{MID}:1"}, {MID})) == 2


def test_nothing_asked_for_matches_nothing(each_store: Store) -> None:
    stored.call(each_store)
    assert queries.lock_reported_calls(set(), set()) == []


def test_a_match_tells_what_a_fold_needs(each_store: Store) -> None:
    call_id = stored.call(each_store, provider_id=f"{MID}:1", interval=15)
    (match,) = queries.lock_calls([call_id])
    assert (match.id, match.interval, match.to_number) == (call_id, 15, NUMBER)
    assert (match.provider_id, match.mid) == (f"{MID}:1", MID)


def test_each_call_has_its_own_history_in_the_order_of_ids(each_store: Store) -> None:
    one, other = stored.call(each_store), stored.call(each_store)
    ours = [report("BUSY", start=1), report(start=9)]
    stored.events(each_store, other, report("CANCEL"))
    stored.events(each_store, one, *reversed(ours))
    assert queries.history([one])[one] == ours


def test_a_call_without_events_has_an_empty_history(each_store: Store) -> None:
    call_id = stored.call(each_store)
    assert queries.history([call_id]) == {call_id: []}
    assert queries.history([]) == {}


def test_a_fact_that_came_again_is_counted_on_its_own_event_only(each_store: Store) -> None:
    call_id = stored.call(each_store)
    told, other = stored.events(each_store, call_id, report("BUSY"), report())
    again = told._replace(times_seen=2)
    with each_store.write():
        writes.count_again([(call_id, again)])
    assert queries.history([call_id])[call_id] == [again, other]


def test_a_states_new_columns_go_to_its_own_call_only(each_store: Store) -> None:
    one, other = stored.call(each_store), stored.call(each_store)
    stored.state(each_store, one, fold(story(report("BUSY"))))
    statuses = dict(models.Call.select(models.Call.id, models.Call.status).tuples())
    assert statuses == {one: "busy", other: "submitting"}


def test_every_call_is_gone_through_in_steps(each_store: Store) -> None:
    made = [stored.call(each_store) for _ in range(5)]
    first = queries.ids_after(None, 3)
    assert first + queries.ids_after(first[-1], 3) == made
    assert queries.ids_after(made[-1], 3) == []


def test_new_reports_take_the_place_of_the_old_ones_and_of_nothing_else(each_store: Store) -> None:
    call_id, other = stored.call(each_store), stored.call(each_store)
    response, _ = stored.events(each_store, call_id, claim(Status.QUEUED), report("BUSY"))
    (untouched,) = stored.events(each_store, other, report("BUSY"))
    anew = report(start=1)
    with each_store.write():
        writes.replace_events(call_id, [Kind.REPORT], [anew])
    assert queries.history([call_id, other]) == {call_id: [response, anew], other: [untouched]}


# A submission's way


def test_after_the_answer_the_values_of_variables_are_gone(each_store: Store) -> None:
    submission = sealed(each_store)
    with each_store.write():
        submissions.close([ClosedSubmission(submission, NOON)])
    row = models.Submission.get_by_id(submission)
    assert (row.variables_encrypted, row.settled_at) == (None, NOON)


def test_without_a_clear_answer_the_values_of_variables_are_kept(each_store: Store) -> None:
    submission = sealed(each_store)
    with each_store.write():
        submissions.close([ClosedSubmission(submission, NOON, keep_variables=True)])
    assert models.Submission.get_by_id(submission).variables_encrypted == b"sealed"


def sealed(store: Store, **changes: Any) -> UUID:
    """A submission with values of variables."""
    call = models.Call.get_by_id(stored.call(store, **changes))
    change = models.Submission.update(variables_encrypted=b"sealed")
    change.where(models.Submission.id == call.submission_id).execute()
    submission: UUID = call.submission_id
    return submission
