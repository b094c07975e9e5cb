"""What a provider of calls brings: what each must, and what some can do besides.

A vendor is a folder here with a class that inherits `Provider` and the capabilities it has, and a
line in `registry`. Who needs a capability asks `isinstance(provider, CallLog)` and does without it
where it is missing. See docs/adding-a-provider.md.
"""

from __future__ import annotations

import hmac
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, NamedTuple, Self
from urllib.parse import unquote_plus
from zoneinfo import ZoneInfo

from obdtrack.domain.naming import ProviderIds
from obdtrack.domain.reports import FoundCall, PlainReport, RawDelivery, Reading
from obdtrack.domain.submission import CallRequest, Failure, Permit, SendResponse
from obdtrack.settings import Settings


class StatusResponse(NamedTuple):
    """The provider's log for one question. `failure` is None if it answered properly.

    `next_page` is set if it has more.
    """

    failure: Failure | None = None
    message: str | None = None
    calls: tuple[FoundCall, ...] = ()
    http_status: int | None = None
    body: bytes | None = None
    retry_after: int | None = None
    next_page: int | None = None


class SendRequest(NamedTuple):
    """A request to the provider as text, without what shows who we are."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: str


_BETWEEN_WORDS = re.compile(r"[\s,;:=&\"']+")
_LOOKED_THROUGH = 4000


class CallbackAuth(ABC):
    """How the provider proves that a request to the callback is its own.

    `secrets` are what it may show; if there are none, whatever this machine sends is believed.
    `curl` are the options with which a person can send such a request.
    """

    secrets: tuple[bytes, ...]
    curl: ClassVar[Sequence[str]]

    @abstractmethod
    def accepts(self, authorization: str) -> bool:
        """Whether an Authorization header, as WSGI hands it over, shows one of the secrets."""

    @abstractmethod
    def shown(self, authorization: str) -> bytes:
        """Return what stands where the secret belongs, or nothing."""

    def misplaced(self, texts: Sequence[str]) -> bytes | None:
        """Return the secret that stands as a word in one of these texts, escaped or not."""
        lengths = set(map(len, self.secrets))
        some = unquote_plus(" ".join(texts)[:_LOOKED_THROUGH])  # strangers cost no more than that
        parts = (*texts, *_BETWEEN_WORDS.split(some))
        words = [part.encode("latin-1", "replace") for part in parts if len(part) in lengths]
        found = [one for one in self.secrets for word in words if hmac.compare_digest(word, one)]
        return found[0] if found else None

    @abstractmethod
    def challenge(self, authorization: str) -> str:
        """Return the WWW-Authenticate header for who showed this and was not accepted."""


class Provider(ABC):
    """A vendor, connected to one account. Methods never raise for what the vendor does.

    `name` stands in the callback's address and beside every call; it never changes. `timezone` is
    that of times which the vendor writes without one; `url` is where its API is. `ids` says how it
    spells its ids, `intervals` after how many minutes it can redial an unanswered call (0: never),
    `recordings_work` how long a link to a recording works after it was reported, `own_keys` which
    keys of its responses never hold what we sent. `own_settings` are names of settings that only
    it reads, without the prefix and in capitals; `Settings.extra` has their values.
    """

    name: ClassVar[str]
    own_settings: ClassVar[tuple[str, ...]] = ()
    ids: ClassVar[ProviderIds] = ProviderIds()
    intervals: ClassVar[tuple[int, ...]] = (0,)
    recordings_work: ClassVar[timedelta | None] = None
    own_keys: ClassVar[frozenset[str]] = frozenset()
    url: str
    timezone: ZoneInfo
    callback_auth: CallbackAuth

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """Connect to the account that the settings name; None if they name none.

        Raises ConfigError for what the vendor cannot work with.
        """

    @classmethod
    def objections(cls, values: Mapping[str, Any]) -> list[str]:
        """Return a sentence for each value of a setting, by name, that the vendor cannot use."""
        return []

    @abstractmethod
    def send(self, request: CallRequest, permit: Permit | None = None) -> SendResponse:
        """Ask for one call to be placed, once. Bounded in time and memory.

        `permit` is asked immediately before each piece of the request leaves; if it raises before
        the first one, the failure is NOT_SENT.
        """

    def completed(self, request: CallRequest) -> CallRequest:
        """Return the request with the provider's defaults where it leaves something out. Pure."""
        return request

    @abstractmethod
    def send_request(self, request: CallRequest, others: Sequence[str] = ()) -> SendRequest:
        """Return what is sent for a completed request, to these other numbers as well. Pure."""

    @abstractmethod
    def read_delivery(self, delivery: RawDelivery) -> Reading:
        """Read what reached the callback. Pure: the same bytes give the same reading."""

    def read_plain(self, delivery: RawDelivery) -> PlainReport | None:
        """Read a report of the usual form, sooner and as `read_delivery` does; None for others."""
        return None

    def without_secrets(self, delivery: RawDelivery) -> RawDelivery:
        """Return a request to keep: without our secrets in its query and body."""
        return delivery

    @property
    def kept_headers(self) -> Sequence[str]:
        """The headers, in lower case, that `read_delivery` needs besides the usual ones."""
        return ()

    @abstractmethod
    def probe(self) -> StatusResponse:
        """Ask something that needs our credentials and changes nothing."""


class CallLog(Provider):
    """A provider that can be asked what became of a call, at most so often a minute."""

    polls_per_minute: int

    @abstractmethod
    def find(
        self, *, provider_id: str | None = None, to: str | None = None, on: date | None = None
    ) -> StatusResponse:
        """Ask what became of a call: by the provider's id, or by number and day."""

    @abstractmethod
    def read_found(self, body: bytes) -> tuple[FoundCall, ...]:
        """Read the body of a response to `find` once more, as it was stored. Pure."""


class ListsDays(CallLog):
    """A provider whose log can be read by the day, for many calls at once."""

    @abstractmethod
    def find_on(self, on: date, numbers: Collection[str], page: int = 1) -> StatusResponse:
        """Ask for a page of the calls of a day in the provider's time zone.

        Only those that may be to these numbers (E.164) are returned, in `body` as well.
        """


class TakesLists(Provider):
    """A provider that takes several numbers in one request, `most_numbers` at most."""

    most_numbers: ClassVar[int]

    @abstractmethod
    def send_list(
        self, requests: Sequence[CallRequest], permit: Permit | None = None
    ) -> SendResponse:
        """Ask for these calls by one request, once, as `send` does for one.

        They differ in `to`, `reference` and `metadata` only. All numbers that the response lists
        are returned, in its order.
        """


def most_numbers(provider: Provider) -> int:
    """Return how many numbers this provider takes in one request."""
    return provider.most_numbers if isinstance(provider, TakesLists) else 1


class Webhook(NamedTuple):
    """A webhook as the provider lists it; its secret is never read."""

    id: str
    name: str
    uri: str
    active: bool


@dataclass(frozen=True, slots=True)
class WantedWebhook:
    """What a webhook shall be. `token` is its validation key; None leaves it to the provider."""

    name: str
    uri: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


class Webhooks(ABC):
    """The webhooks of the account, and which of them gets the reports of all calls.

    Methods raise ObdtrackError with a sentence, and without secrets, if the provider refuses,
    cannot be reached, or returns something else.
    """

    @abstractmethod
    def all(self) -> list[Webhook]:
        """List all webhooks."""

    @abstractmethod
    def one(self, webhook_id: str) -> Webhook:
        """Return one webhook; the error's code is `not-found` if there is none."""

    @abstractmethod
    def create(self, wanted: WantedWebhook) -> Webhook:
        """Create a webhook. The provider may challenge its address before it responds."""

    @abstractmethod
    def change(self, webhook_id: str, wanted: WantedWebhook) -> Webhook:
        """Change all fields of a webhook."""

    @abstractmethod
    def is_subscribed(self, webhook_id: str) -> bool:
        """Whether the reports of all calls already lead to this webhook."""

    @abstractmethod
    def subscribe(self, webhook_id: str) -> None:
        """Let the reports of all calls lead to this webhook."""


class ManagesWebhooks(Provider):
    """A provider whose webhooks can be set up through its API."""

    @abstractmethod
    def webhooks(self) -> Webhooks:
        """Return the account's webhooks."""


class CallbackReply(NamedTuple):
    """What a callback did with a request: `complaint` says what was wrong, None if nothing was."""

    complaint: str | None
    milliseconds: int
    status: int | None = None
    response: Any = None


class TriesCallback(Provider):
    """A provider whose requests to a callback can be imitated, with our own secret."""

    @abstractmethod
    def challenge(self, uri: str) -> CallbackReply:
        """Ask a callback what the provider asks of a new one. Changes nothing there."""

    @abstractmethod
    def sample_id(self, unique: str) -> str:
        """Return an id as the provider's are that holds the text `unique`."""

    @abstractmethod
    def deliver_sample(
        self, uri: str, provider_id: str, to: str, bridge: str, ended_at: datetime
    ) -> CallbackReply:
        """Post a report of an answered call that ended at this time, once."""


class Suggestion(NamedTuple):
    """That `key` should fill our `name`, and why; `certain` if the sample says so itself."""

    name: str
    key: str
    why: str
    certain: bool = False


class SampleField(NamedTuple):
    """One value of a sample: the name of ours it fills (None: none), their key, and the value.

    `used` is False where a better key fills the same name.
    """

    name: str | None
    key: str
    value: str
    used: bool = True


class Explanation(NamedTuple):
    """What a sample is as things are, its fields, and what would help.

    `mapping` is our name -> their key, the configured ones and the suggested; `then` is what the
    sample is with them. `notes` say what its filters cost.
    """

    reading: Reading
    fields: list[SampleField]
    suggestions: list[Suggestion]
    mapping: Mapping[str, str]
    then: Reading
    notes: list[str]


class ComposedReports(Provider):
    """A provider whose reports the customer designs: we must be told which key holds what.

    `templates` are reports, by their kind, that need no setting; `naming` are the placeholders
    that tell which call a report is about.
    """

    templates: ClassVar[Mapping[str, str]]
    naming: ClassVar[str]

    @abstractmethod
    def explain(self, sample: RawDelivery, bridge: str | None) -> Explanation:
        """Say what of a sample is understood, and suggest keys for what is not.

        A sample may be a template. `bridge` is our number in E.164, which a report may repeat.
        """
