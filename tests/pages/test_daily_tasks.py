"""Four things that people come for every day, and how many clicks each takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from obdtrack.domain.submission import Failure, SendResponse
from tests.factories import accepted
from tests.pages.site import Site

YESTERDAY = datetime.now(UTC) - timedelta(days=1)
ELEVEN = YESTERDAY.replace(hour=5, minute=32, second=14, microsecond=0)  # 11:02 in India
CUSTOMER, FOURTEEN = "+918867135001", [f"+9188671360{place:02}" for place in range(14)]


class Hand:
    """Clicks, and types into the search box; each click and each Enter counts."""

    def __init__(self, site: Site) -> None:
        self.page, self.clicks = site.page, 0
        self.page.set_viewport_size({"width": 1280, "height": 900})
        self.page.goto(f"{site.url}/")

    def click(self, role: Any, name: str, within: str = "body") -> None:
        self.page.locator(within).get_by_role(role, name=name).first.click()
        self.clicks += 1

    def search(self, text: str) -> None:
        self.page.locator("#q").fill(text)
        self.page.keyboard.press("Enter")
        self.clicks += 1

    def reads(self) -> str:
        self.page.wait_for_load_state()
        return " ".join(self.page.locator("main").inner_text().split())


@pytest.fixture
def morning(site: Site) -> Site:
    """A customer was called at eleven and at twelve, a campaign mostly failed, an outage came."""
    site.stopped_at = ELEVEN
    site.report(site.place(to=CUSTOMER, name="otp"))
    for place in range(6):
        call = site.place(to=f"+9188671370{place:02}", name="morning reminders")
        status = "ANSWER" if place == 0 else "BUSY" if place < 3 else "NOANSWER"
        site.report(call, to=f"9188671370{place:02}", status=status)
    site.provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    for number in FOURTEEN:
        site.place(to=number, name="otp")
    site.provider.on_send = accepted(mid=None)
    site.stopped_at = ELEVEN + timedelta(hours=1)
    site.report(site.place(to=CUSTOMER, name="otp"))
    return site


def test_each_takes_a_few_clicks(morning: Site) -> None:
    hand = Hand(morning)  # "you called me at 11"
    hand.search(CUSTOMER)
    hand.page.locator("tr", has_text="11:02:14").locator(".c-status").click()
    hand.clicks += 1
    assert "Answered" in hand.reads()
    assert "11:02" in hand.reads()
    assert hand.clicks == 2

    hand.click("link", "Who saw this number")  # asked for while the call is open
    assert "Saw a call's number" in hand.reads()
    assert hand.clicks == 3

    hand = Hand(morning)  # "why did this morning's campaign fail?"
    hand.click("link", "Campaigns", "nav")
    hand.click("link", "morning reminders", "main")
    told = hand.reads()
    assert "Why calls fail" in told
    assert "Busy" in told
    assert "No answer" in told
    assert hand.clicks == 2

    hand = Hand(morning)  # "clear the calls in doubt of an outage of 14 calls"
    hand.click("link", "Needs attention 14", "nav")
    hand.click("radio", "No phone rang")
    hand.click("button", "Save for all 14 listed")
    assert "Saved for 14 of them." in hand.reads()
    assert "Nothing waits for a person." in hand.reads()
    assert hand.clicks == 3
    morning.stopped_at = None
