"""The API's operations, one method for each."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, TypeVar, Unpack
from urllib.parse import quote
from uuid import uuid4

import requests

from obdtrack_client.cursors import Cursor
from obdtrack_client.received import (
    Call,
    Campaign,
    Event,
    Import,
    Received,
    Recipient,
    Submission,
)
from obdtrack_client.sent import (
    CallOptions,
    Filters,
    Listed,
    Plan,
    RecipientRow,
    RequestOptions,
    plain,
)
from obdtrack_client.transport import Request, Transport, header_text, retry_after

_Shown = TypeVar("_Shown", bound=Received)

PAGE = 200
EVENTS = 100
LONG_POLL_SECONDS = 25
_FIRST_LOOK, _LONGEST_LOOK = 1.0, 15.0
_LIST = "application/x-ndjson"


class Client:
    """An obdtrack at an address, and a key of its API. Use one in each thread.

    `timeout` is how many seconds a response may be silent, `patience` for how long what may be sent
    again is (reads, and placing calls under one key). All methods raise Problem if the server
    refuses, NoResponse or OutcomeUnknown if it does not respond, ValueError for what it could never
    take.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float = 60,
        patience: float = 60,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = Transport(
            url, key, timeout=timeout, patience=patience, sleep=sleep, clock=clock
        )
        self._timeout = timeout

    def __repr__(self) -> str:
        return f"Client({self._transport.url!r})"

    @property
    def session(self) -> requests.Session:
        """For proxies and certificates; its adapters must not send anything again."""
        return self._transport.session

    def place(
        self, to: str, *, idempotency_key: str | None = None, **options: Unpack[CallOptions]
    ) -> Call:
        """Place one call; it may be `rejected`, or `unknown` if nobody knows whether it rings.

        It has an idempotency key in any case. On a timeout OutcomeUnknown is raised, which carries
        it: the same with `idempotency_key=error.key` returns what became of it, and rings nobody
        again.
        """
        return self._post_once("/calls", {"to": to, **options}, idempotency_key, Call)

    def submit(
        self,
        to: Sequence[str | Listed],
        *,
        skip: bool = False,
        idempotency_key: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> Submission:
        """Place calls to several numbers by one request to the provider; else as `place`.

        With `skip` numbers that may not be called become calls that are `skipped`; without it the
        whole list is refused (Conflict).
        """
        body = {"to": list(to), "skip": skip, **options}
        return self._post_once("/submissions", body, idempotency_key, Submission)

    def call(self, call: str | Call) -> Call:
        """Return a call as it stands, by our id or the provider's."""
        return self._get(f"/calls/{_id(call)}", Call)

    def calls(self, **filters: Unpack[Filters]) -> Iterator[Call]:
        """Return calls, newest first, page after page as they are taken."""
        return self._pages("/calls", filters, Call)

    def wait(self, call: str | Call, seconds: float = 120) -> Call:
        """Return the call once its status is final, or as it stands after so many seconds.

        `is_final` says which. It is looked at after a second, then less and less often.
        """
        clock, pause = self._transport.clock, _FIRST_LOOK
        until = clock() + seconds
        while not (found := self.call(call)).is_final and (left := until - clock()) > 0:
            self._transport.sleep(min(pause, left))
            pause = min(1.5 * pause, _LONGEST_LOOK)
        return found

    def events(
        self,
        cursor: Cursor | None = None,
        *,
        types: Sequence[str] = (),
        call_id: str | None = None,
        campaign_id: str | None = None,
        start: str | None = None,
        follow: bool = True,
    ) -> Iterator[Event]:
        """Return what happened, oldest first, and then what happens; ends only without `follow`.

        It goes on from where `cursor` is, which is moved on once all events of a page were taken:
        each comes at least once, and those of the last page again after a crash, with the same
        `id`. `start` is where to begin if there is no cursor yet: "latest" for what happens from
        now on, else with the oldest event kept. Raises Gone if events behind the cursor have been
        deleted; it has the cursor `oldest`.
        """
        after = (cursor.load() if cursor else None) or start
        wait = LONG_POLL_SECONDS if follow else 0
        query: dict[str, Any] = {"types": list(types), "limit": EVENTS, "wait": wait}
        query |= {"call_id": call_id, "campaign_id": campaign_id}
        while True:
            asked = Request("GET", "/events", {**query, "after": after})
            asked = asked._replace(timeout=wait + self._timeout)
            (found, following), pause = self._transport.ask(
                asked, lambda response: (_page(response, Event), retry_after(response))
            )
            yield from found
            if cursor and following and following != after:
                cursor.save(following)
            if not follow and not found and following == after:
                return
            after = following
            if pause:
                self._transport.sleep(pause)

    def create_campaign(self, name: str, **plan: Unpack[Plan]) -> Campaign:
        """Create a campaign, as a draft without recipients; nobody is called yet."""
        return self._post("/campaigns", {"name": name, **plan}, Campaign)

    def edit_campaign(self, campaign: str | Campaign, **plan: Unpack[Plan]) -> Campaign:
        """Change fields of a campaign's plan while it is a draft, checked or paused."""
        return self._post(f"/campaigns/{_id(campaign)}", plan, Campaign, method="PATCH")

    def campaign(self, campaign: str | Campaign) -> Campaign:
        """Return a campaign as it stands, by its id or its name."""
        return self._get(f"/campaigns/{_id(campaign)}", Campaign)

    def campaigns(self) -> Iterator[Campaign]:
        """Return campaigns, newest first."""
        return self._pages("/campaigns", {}, Campaign)

    def add_recipients(
        self,
        campaign: str | Campaign,
        recipients: bytes | BinaryIO | Iterable[RecipientRow],
        *,
        content_type: str = "text/csv",
        columns: Mapping[str, str] | None = None,
        default_country: str | None = None,
        delimiter: str | None = None,
        header: bool | None = None,
    ) -> Import:
        """Import a list: rows, or a file of the `content_type` (opened to read bytes).

        `columns` names the columns of a file: `{"to": "Phone", "variables.name": "Name"}`. The same
        list again is not imported again, so after OutcomeUnknown it may be sent again.
        """
        query: dict[str, Any] = {**(columns or {}), "default_country": default_country}
        query |= {"delimiter": delimiter, "header": None if header is None else str(header).lower()}
        if isinstance(recipients, bytes) or hasattr(recipients, "read"):
            body: Any = recipients
        else:
            lines = (json.dumps(row, default=plain, allow_nan=False) for row in recipients)
            body, content_type = "\n".join(lines).encode(), _LIST
        path = f"/campaigns/{_id(campaign)}/recipients"
        request = Request("POST", path, query, body, content_type)
        return self._transport.ask(request, lambda response: Import.read(response.json()))

    def recipients(
        self, campaign: str | Campaign, status: str | None = None
    ) -> Iterator[Recipient]:
        """Return the recipients of a campaign, by status, then as they are due."""
        return self._pages(f"/campaigns/{_id(campaign)}/recipients", {"status": status}, Recipient)

    def check_campaign(self, campaign: str | Campaign) -> Campaign:
        """Check who would be called, until when, for how much; then it can be started."""
        return self._post(f"/campaigns/{_id(campaign)}/check", None, Campaign)

    def start_campaign(self, campaign: str | Campaign, why: str | None = None) -> Campaign:
        """Start a campaign that was checked: at once, or at its `start_at`."""
        return self._control(campaign, "start", why)

    def pause_campaign(self, campaign: str | Campaign, why: str | None = None) -> Campaign:
        """Pause a campaign: nothing of it is sent later than a second after this returns."""
        return self._control(campaign, "pause", why)

    def resume_campaign(self, campaign: str | Campaign, why: str | None = None) -> Campaign:
        """Have a campaign go on that is paused."""
        return self._control(campaign, "resume", why)

    def stop_campaign(self, campaign: str | Campaign, why: str | None = None) -> Campaign:
        """Stop a campaign for good: whoever was not called is skipped."""
        return self._control(campaign, "stop", why)

    def report(
        self, campaign: str | Campaign, by: str = "recipient", zone: str | None = None
    ) -> str:
        """Return a table as CSV: by `recipient`, `attempt`, `day`, `unsent` or `failed`."""
        query = {"by": by, "zone": zone}
        request = Request("GET", f"/campaigns/{_id(campaign)}/report.csv", query)
        return self._transport.ask(request, lambda response: response.content.decode())

    def _control(self, campaign: str | Campaign, action: str, why: str | None) -> Campaign:
        body = None if why is None else {"why": why}
        return self._post(f"/campaigns/{_id(campaign)}/{action}", body, Campaign)

    def _get(self, path: str, shown: type[_Shown]) -> _Shown:
        return self._transport.ask(Request("GET", path), lambda r: shown.read(r.json()))

    def _post(self, path: str, body: Any, shown: type[_Shown], *, method: str = "POST") -> _Shown:
        request = Request(method, path, body=body)
        return self._transport.ask(request, lambda r: shown.read(r.json()))

    def _post_once(self, path: str, body: Any, key: str | None, shown: type[_Shown]) -> _Shown:
        key = header_text(key, "An idempotency key") if key is not None else str(uuid4())
        request = Request("POST", path, body=body, key=key)
        return self._transport.ask(request, lambda r: shown.read(r.json()))

    def _pages(
        self, path: str, filters: Mapping[str, Any], shown: type[_Shown]
    ) -> Iterator[_Shown]:
        query = {name: _in_query(value) for name, value in filters.items()}
        cursor: str | None = None
        while True:
            request = Request("GET", path, {**query, "limit": PAGE, "cursor": cursor})
            rows, cursor = self._transport.ask(request, lambda response: _page(response, shown))
            yield from rows
            if cursor is None:
                return


def _id(thing: str | Call | Campaign) -> str:
    return quote(thing if isinstance(thing, str) else thing.id, safe="")


def _in_query(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return value if value is None or isinstance(value, str | Sequence) else plain(value)


def _page(response: requests.Response, shown: type[_Shown]) -> tuple[list[_Shown], str | None]:
    page = response.json()
    return [shown.read(row) for row in page["data"]], page["next_cursor"]
