"""Every fate the simulator knows, placed through the API and followed to its end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from obdtrack.providers.mobtexting.simulator.scenarios import FATES
from tests.end_to_end.conftest import Installation, until

# Last two digits -> (status, reason, source) in the end, by reports alone.
ENDS: dict[str, tuple[str, str | None, str]] = {
    "01": ("completed", None, "webhook"),
    "10": ("completed", None, "webhook"),
    "11": ("busy", None, "webhook"),
    "12": ("completed", None, "webhook"),
    "13": ("no-answer", None, "webhook"),
    "14": ("canceled", None, "webhook"),
    "15": ("failed", "congestion", "webhook"),
    "16": ("failed", "channel-unavailable", "webhook"),
    "17": ("completed", "agent-missed", "webhook"),
    "18": ("queued", None, "api"),
    "19": ("completed", "not-forwarded", "webhook"),
    "20": ("completed", None, "webhook"),
    "21": ("completed", None, "webhook"),
    "22": ("completed", None, "webhook"),
    "23": ("queued", None, "api"),
    "25": ("completed", None, "webhook"),
    "26": ("completed", None, "webhook"),
    "27": ("completed", None, "webhook"),
    "28": ("completed", None, "webhook"),
    "29": ("queued", None, "api"),
    "30": ("completed", None, "webhook"),
    "31": ("unknown", "timeout", "api"),
    "32": ("unknown", "connection-lost", "api"),
    "33": ("unknown", "provider-error", "api"),
    "34": ("unknown", "timeout", "api"),
    "35": ("rejected", "invalid-token", "api"),
    "36": ("rejected", "invalid-request", "api"),
    "37": ("rejected", "insufficient-balance", "api"),
    "38": ("rejected", "rate-limited", "api"),
    "39": ("completed", None, "webhook"),
    "40": ("completed", None, "webhook"),
    "41": ("rejected", "invalid-token", "api"),
    "42": ("unknown", "answer-without-id", "api"),
    "43": ("unknown", "answer-without-id", "api"),
    "44": ("unknown", "answer-without-id", "api"),
    "45": ("completed", None, "webhook"),
    "46": ("completed", None, "webhook"),
}
REDIALED = {"12", "20"}


@pytest.fixture(scope="module")
def placed(installation: Installation) -> dict[str, str]:
    """A call for every fate, by the last two digits of its number; returns their ids."""

    def place(digits: str) -> str:
        interval = 5 if digits in REDIALED else 0
        call = installation.place(f"+9188671350{digits}", interval=interval)
        return str(call["id"])

    with ThreadPoolExecutor(8) as pool:
        return dict(zip(ENDS, pool.map(place, ENDS), strict=True))


def test_every_fate_has_its_expectation() -> None:
    assert set(FATES) == set(ENDS) - {"01"}


@pytest.mark.parametrize("digits", ENDS)
def test_each_fate_ends_as_it_should(
    installation: Installation, placed: dict[str, str], digits: str
) -> None:
    def end() -> tuple[str, str | None, str]:
        call = installation.call(placed[digits])
        return call["status"], call["reason"], call["status_source"]

    until(lambda: end() == ENDS[digits])


def test_a_redialed_call_shows_both_attempts(
    installation: Installation, placed: dict[str, str]
) -> None:
    until(lambda: len(installation.call(placed["12"])["attempts"]) == 2)
    words = [attempt["status"] for attempt in installation.call(placed["12"])["attempts"]]
    assert words == ["no-answer", "completed"]


def test_conflicting_reports_are_marked(installation: Installation, placed: dict[str, str]) -> None:
    assert until(lambda: installation.call(placed["27"])["conflict"])


def test_an_unknown_word_is_shown_as_it_came(
    installation: Installation, placed: dict[str, str]
) -> None:
    until(lambda: installation.call(placed["18"])["provider_status"] == "RINGOUT")


ANSWERED, BUSY = ("completed", None), ("busy", None)
UNLISTED, REFUSED = ("unknown", "not-listed"), ("rejected", "invalid-request")
UNSURE = ("unknown", "provider-error")

# Last two digits of a list's numbers -> (status, reason) of each in the end, or at once if it is
# unknown then: what becomes of that is found out later. How many entries of the response belong to
# none of them.
LISTS: dict[tuple[str, ...], tuple[list[tuple[str, str | None]], int]] = {
    ("01", "11", "02"): ([ANSWERED, BUSY, ANSWERED], 0),
    ("01", "43", "11"): ([ANSWERED, ("rejected", "not-accepted"), BUSY], 0),
    ("01", "44"): ([ANSWERED, UNLISTED], 0),
    ("01", "45"): ([ANSWERED, ANSWERED], 1),
    ("01", "46"): ([ANSWERED, UNLISTED], 1),
    ("46", "46"): ([ANSWERED, ANSWERED], 0),
    ("01", "36"): ([REFUSED, REFUSED], 0),
    ("01", "33"): ([UNSURE, UNSURE], 0),
}


@pytest.fixture(scope="module")
def listed(installation: Installation) -> dict[tuple[str, ...], Any]:
    """A submission for each list, as it stood at once."""

    def submit(place: int, endings: tuple[str, ...]) -> Any:
        numbers = [f"+9188674{place}{count}0{digits}" for count, digits in enumerate(endings)]
        body = {"to": numbers, "flow_id": "23"}
        url = f"{installation.url}/api/v1/submissions"
        return installation.session.post(url, json=body, timeout=30).json()

    return {endings: submit(place, endings) for place, endings in enumerate(LISTS)}


@pytest.mark.parametrize("endings", LISTS, ids="-".join)
def test_each_number_of_a_list_ends_as_it_should(
    installation: Installation, listed: dict[tuple[str, ...], Any], endings: tuple[str, ...]
) -> None:
    begun = listed[endings]
    url = f"{installation.url}/api/v1/submissions/{begun['id']}"
    ends, strange = LISTS[endings]

    def has_ended() -> bool:
        found = installation.session.get(url, timeout=10).json()
        seen = [
            (stood if stood["status"] == "unknown" else stands)
            for stood, stands in zip(begun["calls"], found["calls"], strict=True)
        ]
        told = [(call["status"], call["reason"]) for call in seen]
        return told == ends and len(found["notes"]) == strange

    until(has_ended)


# Name -> last two digits of its numbers, flow, (state, reason) in the end.
CAMPAIGNS: dict[str, tuple[str, str, tuple[str, str | None]]] = {
    "answered": ("01 02 11 13", "23", ("completed", None)),
    "bad flow": ("01 02 03 04 05 06", "666", ("paused", "too-many-failed")),
    "no balance": ("01 37", "23", ("paused", "insufficient-balance")),
}


@pytest.fixture(scope="module")
def campaigns(installation: Installation) -> str:
    """All of them, started; returns their address."""
    url, post = f"{installation.url}/api/v1/campaigns", installation.session.post
    csv = {"Content-Type": "text/csv"}
    for place, (name, (endings, flow_id, _)) in enumerate(CAMPAIGNS.items()):
        rows = [f"+9188675{place}{n}0{digits}" for n, digits in enumerate(endings.split())]
        plan = {"name": name, "flow_id": flow_id, "per_minute": 6000}
        listed = "\n".join(["Phone", *rows])
        for response in (
            post(url, json=plan, timeout=30),
            post(f"{url}/{name}/recipients?to=Phone", data=listed, headers=csv, timeout=30),
            post(f"{url}/{name}/check", timeout=30),
            post(f"{url}/{name}/start", timeout=30),
        ):
            assert response.ok, response.text
    return url


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_a_campaign_ends_or_halts_as_the_provider_has_it(
    installation: Installation, campaigns: str, name: str
) -> None:
    *_, end = CAMPAIGNS[name]

    def stands() -> tuple[str, str | None]:
        campaign = installation.session.get(f"{campaigns}/{name}", timeout=10).json()
        return campaign["state"], campaign["reason"]

    until(lambda: stands() == end)


def test_nobody_was_dialled_twice(
    installation: Installation, placed: dict[str, str], listed: dict[tuple[str, ...], str]
) -> None:
    calls = installation.session.get(f"{installation.provider_url}/simulator/calls").json()
    numbers = [call["to"] for call in calls["data"]]
    assert numbers
    assert len(numbers) == len(set(numbers))
