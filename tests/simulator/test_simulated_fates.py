"""What becomes of a call depends on the last two digits of the number called."""

from __future__ import annotations

import pytest
import requests

from obdtrack.providers.mobtexting.simulator.scenarios import (
    DEFAULT_FATE,
    FATES,
    FATES_HELP,
    deciding_fate,
    fate_of,
)

ENDINGS = {
    "01": "ANSWER",
    "10": "COMPLETED",
    "11": "BUSY",
    "12": "NOANSWER",
    "13": "NOANSWER",
    "14": "CANCEL",
    "15": "CONGESTION",
    "16": "CHANUNAVAIL",
    "17": "MISSED",
    "18": "RINGOUT",
    "19": "RECEIVED",
}

ACCEPTED_WITHOUT_A_USABLE_RESPONSE = {"31": 200, "33": 500, "42": 200}

NOT_PLACED = {"34": 500, "35": 200, "36": 422, "37": 200, "38": 429, "41": 302}


@pytest.mark.parametrize(("ending", "word"), ENDINGS.items())
def test_the_number_decides_the_reported_word(provider, ending, word):
    provider.place(ending)
    assert provider.words() == [word]


@pytest.mark.parametrize(
    ("ending", "words"), {"12": ["NOANSWER", "ANSWER"], "13": ["NOANSWER", "NOANSWER"]}.items()
)
def test_an_unanswered_call_is_dialled_again_if_an_interval_is_set(provider, ending, words):
    provider.place(ending, interval=5)
    assert provider.words() == words


def test_attempts_of_one_call_never_start_in_the_same_second(provider):
    provider.place("12", interval=5)
    first, second = provider.bodies()
    assert first["start_at"] < first["end_at"] < second["start_at"] < second["end_at"]


def test_reports_of_attempts_can_come_in_the_wrong_order(provider):
    provider.place("20", interval=5)
    last, first = provider.bodies()
    assert (last["status"], first["status"]) == ("ANSWER", "NOANSWER")
    assert first["start_at"] < last["start_at"]


def test_a_report_can_come_twice(provider):
    provider.place("21")
    once, again = provider.bodies()
    assert once == again


def test_a_report_can_come_before_the_answer(start):
    provider = start(ring_seconds=3600)
    provider.place("22")
    assert [request.get_json()["status"] for request, _ in provider.callback.log] == ["ANSWER"]


def test_a_lost_report_is_found_by_asking(provider):
    provider.place("23")
    assert provider.reports() == []
    assert [row["status"] for row in provider.ask(mobile="918867135023")] == ["ANSWER"]


def test_a_late_report_comes_all_the_same(provider):
    provider.place("30")
    assert provider.words() == ["ANSWER"]


def test_a_silent_call_stays_queued_for_ever(provider):
    provider.place("29")
    assert provider.reports() == []
    assert [row["status"] for row in provider.ask(mobile="918867135029")] == ["queued"]


def test_reports_of_one_attempt_can_contradict_each_other(provider):
    provider.place("27")
    one, other = provider.bodies()
    assert (one["status"], other["status"]) == ("NOANSWER", "ANSWER")
    assert one["start_at"] == other["start_at"]


@pytest.mark.parametrize(("ending", "http_status"), ACCEPTED_WITHOUT_A_USABLE_RESPONSE.items())
def test_a_call_can_ring_although_the_answer_is_no_use(provider, ending, http_status):
    assert provider.place(ending).status_code == http_status
    assert provider.server.dials == 1
    assert provider.words() == ["ANSWER"]


def test_a_call_can_ring_although_the_connection_is_dropped(provider):
    with pytest.raises(requests.ConnectionError):
        provider.place("32")
    assert provider.server.dials == 1
    assert provider.words() == ["ANSWER"]


@pytest.mark.parametrize("ending", ["31", "34"])
def test_a_slow_answer_outlasts_the_clients_patience(start, ending):
    provider = start(slow_seconds=3600)
    order = {"bridge": "918068280000", "to": f"9188671350{ending}", "flow_id": "23"}
    with pytest.raises(requests.ReadTimeout):
        provider.request("POST", "outgoing/send", json=order, timeout=0.3)


@pytest.mark.parametrize(("ending", "http_status"), NOT_PLACED.items())
def test_a_refused_call_rings_nobody(provider, ending, http_status):
    assert provider.place(ending).status_code == http_status
    assert provider.server.dials == 0
    assert provider.reports() == []


def test_a_missing_balance_is_told_with_http_200(provider):
    assert provider.place("37").json()["status"] == "ERROR"


def test_a_rate_limited_caller_is_told_when_to_come_back(provider):
    assert int(provider.place("38").headers["Retry-After"]) > 0


def test_the_login_page_is_html(provider):
    assert "<form" in provider.place("35").text


def test_the_answer_without_id_lists_no_call(provider):
    assert provider.place("42").json()["data"] == []


def test_one_number_out_of_the_ordinary_decides_the_answer_for_all():
    assert deciding_fate(["918867135001", "918867135036", "918867135033"]) is FATES["36"]


def test_ordinary_numbers_are_answered():
    assert fate_of("918867135001") is DEFAULT_FATE


def test_the_help_text_tells_every_fate():
    assert all(
        f"{code}  " in FATES_HELP and fate.name in FATES_HELP for code, fate in FATES.items()
    )
