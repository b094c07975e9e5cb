"""The demo's campaign: sixty numbers are called, and a bar shows how far it is."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any

import requests
from rich.console import Console, Group
from rich.live import Live

from obdtrack.cli.output import make_bars
from obdtrack.domain.campaign import ENDED, CampaignState
from obdtrack.domain.status import Status
from obdtrack.domain.times import to_text
from obdtrack.errors import ConfigError
from obdtrack.services import utc_now

RECIPIENTS = 60
PATIENCE_SECONDS = 120
FLOW = "23"

_ENDINGS = ("01", "02", "11", "03", "13", "04", "05", "17", "06", "14", "07", "15")
_ON_THEIR_WAY = (Status.SUBMITTING, Status.QUEUED)
_PLAN = {"flow_id": FLOW, "per_minute": 900, "numbers_per_request": 5}


def run_campaign(base: str, session: requests.Session, console: Console) -> None:
    """Create, start and follow a campaign of RECIPIENTS numbers at the server at `base`.

    `session` carries the key. Raises ConfigError with the server's words if it refuses.
    """
    name = f"demo {to_text(utc_now().replace(microsecond=0))}"
    campaign = _ask(session, f"{base}/api/v1/campaigns", json={"name": name, **_PLAN})
    url = f"{base}/api/v1/campaigns/{campaign['id']}"
    mapping = {"to": "Phone", "reference": "Order"}
    headers = {"Content-Type": "text/csv"}
    _ask(session, f"{url}/recipients", params=mapping, data=_file(), headers=headers)
    for step in ("check", "start"):
        _ask(session, f"{url}/{step}")
    console.print(f"\nThe campaign “{name}” calls {RECIPIENTS} numbers:", highlight=False)
    show_progress(_followed(session, url), console)


def show_progress(campaigns: Iterable[Mapping[str, Any]], console: Console) -> None:
    """Show how far a campaign is, from one state of it (as the API shows it) to the next.

    In a terminal that is a bar, elsewhere a line for each that is news.
    """
    bars = make_bars(console)
    bar, news = bars.add_task("", total=None), ""
    with Live(bars, console=console) if console.is_terminal else nullcontext() as live:
        for campaign in campaigns:
            (done, total), words = how_far(campaign["totals"]), told(campaign["totals"])
            bars.update(bar, completed=done, total=total, description=campaign["state"])
            line = f"  {done} of {total}, {campaign['state']}: {words}"
            if live:
                live.update(Group(bars, words))
            elif line != news:
                console.print(line, highlight=False, soft_wrap=True)
            news = line


def how_far(totals: Mapping[str, int]) -> tuple[int, int]:
    """Return how many recipients are done with, and how many there are that can be called."""
    waiting = totals["ready"] + totals["scheduled"]
    under_way = sum(totals[status] for status in _ON_THEIR_WAY)
    total = waiting + totals["sent"] + totals["skipped"]
    return max(0, total - waiting - under_way), total


def told(totals: Mapping[str, int]) -> str:
    """Return how many calls have which status, in words."""
    counts = [f"{totals[status]} {status}" for status in Status if totals[status]]
    return ", ".join(counts) or "nobody was called yet"


def _followed(session: requests.Session, url: str) -> Iterator[Mapping[str, Any]]:
    """Look at a campaign until its calls have ended, or for PATIENCE_SECONDS."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        campaign = session.get(url, timeout=30).json()
        yield campaign
        done, total = how_far(campaign["totals"])
        if campaign["state"] == CampaignState.PAUSED:
            return
        if campaign["state"] in ENDED and done == total:
            return
        time.sleep(0.5)


def _file() -> bytes:
    """Return the recipients as a file: most answer, some are busy or do not."""
    rows = [
        f"+9188672{count:03}{_ENDINGS[count % len(_ENDINGS)]},order-{count + 1}"
        for count in range(RECIPIENTS)
    ]
    return "\n".join(["Phone,Order", *rows]).encode()


def _ask(session: requests.Session, url: str, **content: Any) -> Any:
    response = session.post(url, timeout=60, **content)
    if not response.ok:
        raise ConfigError(f"The server refused the campaign: {response.json()['detail']}")
    return response.json()
