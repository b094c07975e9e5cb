"""What is promised of every provider, whichever vendor it speaks to; a new one joins `VENDORS`."""

from __future__ import annotations

import dataclasses
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer

from obdtrack.access.keys import create_key
from obdtrack.calls import queries
from obdtrack.calls.polling.check import check_due
from obdtrack.calls.rebuild import rebuild
from obdtrack.calls.reports.replay import replay_all
from obdtrack.domain.phone import provider_digits
from obdtrack.domain.reports import (
    Challenge,
    NotOurs,
    OptOut,
    RawDelivery,
    Report,
    Several,
    Unreadable,
)
from obdtrack.domain.status import Outcome, Status
from obdtrack.domain.submission import Failure, NotPermittedError, Placement
from obdtrack.providers import registry
from obdtrack.providers.base import CallLog, Provider
from obdtrack.services import Services
from obdtrack.settings import callback_path, load_settings
from obdtrack.store import models
from tests.applications import make_app
from tests.conftest import Caller
from tests.factories import NUMBER, Clock, call_request
from tests.pages.conftest import Visitor
from tests.providers.conduct import VENDORS, MobTextingSide, ToySide, Vendor
from tests.providers.conftest import closes, drips, http_response, resets, says
from tests.providers.toy.provider import Toy

NOWHERE = "http://127.0.0.1:1/"
UNCLEAR = {
    "an error page": says(http_response(b"<h1>Bad gateway</h1>", "502 Bad Gateway")),
    "no JSON": says(http_response(b"<html>Please log in</html>", "500 Error")),
    "a success without an id": says(http_response(b'{"status": 200}', "201 Created")),
    "a reset": resets(),
    "a hang-up": closes,
    "a slow death": drips(http_response(b'{"status": 200}' * 100), after=30, seconds=0.1),
}
READINGS = (Challenge, NotOurs, OptOut, Report, Several, Unreadable)


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    return VENDORS[request.param]


@pytest.fixture
def provider(vendor: Vendor) -> Provider:
    return vendor.connect(NOWHERE)


class Product:
    """The product with one vendor's provider, and that vendor at a server on this machine."""

    def __init__(self, vendor: Vendor, services: Services, server: HTTPServer) -> None:
        self.vendor, self.server = vendor, server
        self.provider = vendor.connect(server.url_for("/"))
        self.services = dataclasses.replace(services, provider=self.provider)
        app = make_app(self.services, documented=False)
        scopes = ["read", "place", "pii", "admin"]
        key = create_key(f"tests at {self.provider.name}", scopes, self.services)
        self.caller = Caller(app.test_client(), key)

    def place(self, provider_id: str, **body: Any) -> Any:
        status, content = self.vendor.accepted(provider_id)
        self.server.clear()
        self.server.expect_request("/" + self._path()).respond_with_data(
            content, status, content_type="application/json"
        )
        return self.caller.place(**body).json

    def _path(self) -> str:
        return self.provider.send_request(call_request()).path

    def deliver(self, secret: str | None = None, **said: str) -> int:
        raw, client = self.vendor.report(**said), self.caller.client
        return post(client, self.provider.name, self.vendor, raw, secret).status_code

    def call(self, call: Any) -> Any:
        return self.caller.get(f"/calls/{call['id']}").json


def post(
    client: FlaskClient, name: str, vendor: Vendor, raw: RawDelivery, secret: str | None = None
) -> Any:
    headers = {"Authorization": vendor.authorization(secret or vendor.secret)}
    kind = raw.content_type
    return client.post(callback_path(name), data=raw.body, headers=headers, content_type=kind)


@pytest.fixture
def product(vendor: Vendor, services: Services, httpserver: HTTPServer) -> Product:
    return Product(vendor, services, httpserver)


def test_its_name_can_stand_in_an_address(provider: Provider) -> None:
    assert provider.name.isascii()
    assert provider.name.isalnum()
    assert provider.name.islower()


def test_a_call_is_asked_for_once_and_its_id_comes_back(product: Product) -> None:
    (first, _), wanted = product.vendor.ids, call_request(variables={"otp": "482913"})
    product.place(first)
    product.server.clear_log()
    response = product.provider.send(wanted)
    assert response.placement is Placement.PLACED
    (number,) = response.numbers
    assert (number.provider_id, number.to) == (first, NUMBER)
    assert len(product.server.log) == 1


def test_what_is_shown_of_a_request_is_what_left_without_our_login(product: Product) -> None:
    wanted = product.provider.completed(call_request(variables={"otp": "482913"}))
    product.place(product.vendor.ids[0])
    product.server.clear_log()
    product.provider.send(wanted)
    shown = product.provider.send_request(wanted)
    ((left, _),) = product.server.log
    assert (left.method, left.path) == (shown.method, "/" + shown.path)
    for text in (provider_digits(NUMBER), "482913", "23"):
        assert text in unquote(shown.body)
        assert text in unquote(left.get_data(as_text=True))
    assert product.vendor.login not in f"{shown}"


@pytest.mark.parametrize("behaviour", UNCLEAR.values(), ids=UNCLEAR.keys())
def test_after_an_unclear_response_the_phone_may_ring(
    vendor: Vendor, loopback: Any, behaviour: Any
) -> None:
    begun = time.monotonic()
    response = vendor.connect(loopback(behaviour).url).send(call_request())
    assert response.placement is Placement.UNKNOWN
    assert time.monotonic() - begun < 10


def test_nothing_leaves_that_is_not_permitted(product: Product) -> None:
    def refuse() -> None:
        raise NotPermittedError("it is too late")

    product.place(product.vendor.ids[0])
    product.server.clear_log()
    response = product.provider.send(call_request(), refuse)
    assert (response.failure, response.message) == (Failure.NOT_SENT, "Not sent: it is too late.")
    assert product.server.log == []


def test_after_a_piece_that_was_permitted_the_phone_may_ring(product: Product) -> None:
    permits = iter([None])

    def permit_once() -> None:
        if next(permits, "over"):
            raise NotPermittedError("it is too late")

    response = product.provider.send(call_request(), permit_once)
    assert response.placement is Placement.UNKNOWN


def test_where_nobody_listens_no_phone_rings(provider: Provider) -> None:
    assert provider.send(call_request()).placement is Placement.NOT_PLACED


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "422 Wrong"])
def test_a_plain_no_rings_nobody(vendor: Vendor, loopback: Any, status: str) -> None:
    refuses = says(http_response(b'{"status": "error", "message": "no", "error": "no"}', status))
    response = vendor.connect(loopback(refuses).url).send(call_request())
    assert response.placement is Placement.NOT_PLACED
    assert response.message == "no"


def test_our_login_is_in_nothing_that_is_kept(vendor: Vendor, loopback: Any) -> None:
    echo = f'{{"error": "denied", "you": "{vendor.login}"}}'.encode()
    provider = vendor.connect(loopback(says(http_response(echo, "403 Forbidden"))).url)
    response = provider.send(call_request())
    assert response.body
    assert vendor.login not in f"{response!r} {provider!r} {provider.callback_auth!r}"


def test_a_probe_says_how_it_went(vendor: Vendor, loopback: Any) -> None:
    denies = says(http_response(b'{"status": "error", "code": 401}', "401 Unauthorized"))
    assert vendor.connect(NOWHERE).probe().failure == "provider-unreachable"
    assert vendor.connect(loopback(denies).url).probe().failure == "invalid-token"


def test_a_report_says_whose_it_is_and_how_it_went(vendor: Vendor, provider: Provider) -> None:
    for status, word in vendor.words.items():
        read = provider.read_delivery(vendor.report(id=vendor.ids[0], to=NUMBER, word=word))
        assert isinstance(read, Report)
        assert provider.ids.canonical(read.provider_id or "") == vendor.ids[0]
        assert (read.to, read.status, read.provider_status) == (NUMBER, status, word)
        assert read.answered is (status == "completed")
        assert read.duration_seconds == 16


def test_an_unknown_word_is_kept_and_means_nothing(vendor: Vendor, provider: Provider) -> None:
    read = provider.read_delivery(vendor.report(id=vendor.ids[0], word="flummoxed"))
    assert isinstance(read, Report)
    assert (read.status, read.answered, read.provider_status) == (None, None, "flummoxed")


@given(body=st.binary(max_size=200), query=st.text(max_size=50), kind=st.text(max_size=30))
def test_any_bytes_are_read_alike_each_time(body: bytes, query: str, kind: str) -> None:
    for vendor in VENDORS.values():
        provider, raw = vendor.connect(NOWHERE), RawDelivery("POST", query, {}, kind, body)
        read = provider.read_delivery(raw)
        assert isinstance(read, READINGS)
        assert provider.read_delivery(raw) == read


def test_only_who_shows_the_secret_is_believed(vendor: Vendor, provider: Provider) -> None:
    auth, known = provider.callback_auth, vendor.authorization(vendor.secret)
    assert auth.secrets == (vendor.secret.encode(),)
    assert auth.accepts(known)
    assert auth.shown(known) == vendor.secret.encode()
    wrong = vendor.authorization("somebody-elses-secret")
    assert auth.shown(wrong) == b"somebody-elses-secret"
    for header in (wrong, "", "Basic", "Basic =", "Bearer", known[:-4], "\xff"):
        assert not auth.accepts(header)
        assert auth.challenge(header)


def test_secrets_are_not_kept_in_a_request(vendor: Vendor, provider: Provider) -> None:
    told = f"a={vendor.secret}&b=2"
    kept = provider.without_secrets(RawDelivery("POST", told, {}, "", told.encode()))
    assert (kept.query, kept.body) == ("a=removed&b=2", b"a=removed&b=2")


def test_ids_have_one_spelling(vendor: Vendor, provider: Provider) -> None:
    for provider_id in (*vendor.ids, provider.ids.example or "x"):
        canonical = provider.ids.canonical(provider_id)
        assert provider.ids.canonical(canonical) == canonical
        assert provider.ids.is_id(provider_id)
        mid = provider.ids.submission(canonical)
        assert provider.ids.submission(mid) == mid


def test_its_intervals_begin_with_none_at_all(provider: Provider) -> None:
    assert provider.intervals[0] == 0
    assert sorted(set(provider.intervals)) == list(provider.intervals)


def test_a_placed_call_is_completed_by_its_report(product: Product) -> None:
    call = product.place(product.vendor.ids[0])
    assert (call["status"], call["provider_id"]) == ("queued", product.vendor.ids[0])
    word = product.vendor.words["completed"]
    assert product.deliver(id=call["provider_id"], to=NUMBER, word=word) == 200
    known = product.call(call)
    assert (known["status"], known["status_source"]) == ("completed", "webhook")
    assert known["duration_seconds"] == 16
    assert product.caller.get(f"/calls/{call['provider_id']}").json["id"] == call["id"]


def test_a_report_counts_once_however_often_it_comes(product: Product) -> None:
    call = product.place(product.vendor.ids[0])
    for _ in range(3):
        product.deliver(id=call["provider_id"], word=product.vendor.words["busy"])
    assert product.call(call)["status"] == "busy"
    found = product.caller.get("/deliveries").json["data"]
    assert sorted(row["outcome"] for row in found) == ["duplicate", "duplicate", "matched"]


def test_a_report_that_comes_first_waits_for_its_call(product: Product) -> None:
    first, _ = product.vendor.ids
    product.deliver(id=first, to=NUMBER, word=product.vendor.words["no-answer"])
    assert product.caller.only_delivery()["outcome"] == "unmatched"
    assert product.call(product.place(first))["status"] == "no-answer"


def test_a_wrong_secret_is_refused_and_can_be_replayed(product: Product) -> None:
    call = product.place(product.vendor.ids[0])
    said = {"id": call["provider_id"], "word": product.vendor.words["completed"]}
    assert product.deliver("another-secret-than-ours", **said) == 401
    product.caller.client.application.quarantine.flush()  # type: ignore[attr-defined]
    assert product.call(call)["status"] == "queued"
    # What it carried becomes a secret of ours.
    product.provider.callback_auth.secrets = (b"another-secret-than-ours",)
    with product.services.store.connection_context():
        assert replay_all(Outcome.REJECTED, product.services) == {Outcome.MATCHED: 1}
    assert product.call(call)["status"] == "completed"


def test_what_is_stored_is_what_reading_it_again_gives(product: Product) -> None:
    call = product.place(product.vendor.ids[0])
    product.deliver(id=call["provider_id"], word=product.vendor.words["completed"])
    with product.services.store.connection_context():
        assert rebuild(product.services, check=True).different == ()


def test_pages_show_the_call_and_its_wires(product: Product) -> None:
    call = product.place(product.vendor.ids[0])
    product.deliver(id=call["provider_id"], word=product.vendor.words["completed"])
    key = product.caller.headers["Authorization"].removeprefix("Bearer ")
    visitor = Visitor(product.caller.client.application, key)
    told = visitor.read(f"/calls/{call['id']}")
    shown = product.provider.send_request(call_request())
    assert f"{shown.method} {shown.path}" in told
    assert f"POST {callback_path(product.provider.name)}" in told
    assert product.vendor.words["completed"] in visitor.read("/deliveries")
    assert product.vendor.secret not in told


def test_who_cannot_be_asked_is_never_polled_and_its_calls_end(
    product: Product, clock: Clock
) -> None:
    call = product.place(product.vendor.ids[0])
    row = queries.find(call["id"])
    last = product.services.settings.poll_schedule[-1]
    if isinstance(product.provider, CallLog):
        assert call["next_check_at"] < (row.created_at + last).isoformat()
        return
    assert product.caller.post(f"/calls/{call['id']}/refresh").status_code == 409
    clock.now = row.created_at + last - timedelta(seconds=1)
    assert check_due(product.services, 10) == 0
    clock.forward(seconds=2)
    check_due(product.services, 10)
    assert product.call(call)["status"] == Status.UNRESOLVED
    assert product.call(call)["next_check_at"] is None


def test_one_id_at_two_providers_is_two_calls(services: Services, httpserver: HTTPServer) -> None:
    ours, toy = MobTextingSide(), ToySide()
    first = Product(ours, services, httpserver)
    second = Product(toy, services, httpserver)
    call, other = first.place("c-17"), second.place("c-17")
    both = dataclasses.replace(first.services, others=(second.provider,))
    client = make_app(both, documented=False).test_client()
    raw = toy.report(id="c-17", to=NUMBER, word="busy")
    assert post(client, "toy", toy, raw).status_code == 200
    assert post(client, "mobtexting", toy, raw).status_code == 401
    assert first.call(call)["status"] == "queued"
    assert second.call(other)["status"] == "busy"
    post(client, "mobtexting", ours, ours.report(id="c-17", to=NUMBER, word="NOANSWER"))
    assert first.call(call)["status"] == "no-answer"
    assert second.call(other)["status"] == "busy"
    assert [row.provider for row in models.Call.select().order_by(models.Call.id)] == [
        "mobtexting", "toy",
    ]  # fmt: skip


def test_a_report_waits_for_a_call_of_its_own_provider(
    services: Services, httpserver: HTTPServer
) -> None:
    first, second = (Product(side, services, httpserver) for side in VENDORS.values())
    second.deliver(id="c-17", to=NUMBER, word="busy")
    assert first.call(first.place("c-17"))["status"] == "queued"
    assert second.call(second.place("c-17"))["status"] == "busy"


def test_a_registered_provider_is_connected_by_settings_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(registry, "PROVIDERS", (*registry.PROVIDERS, Toy))
    assert [one.name for one in registry.connected(load_settings())] == ["mobtexting"]
    (tmp_path / "password").write_text("a-password\n")
    monkeypatch.setenv("OBDTRACK_TOY_URL", "https://toy.example.com/")
    monkeypatch.setenv("OBDTRACK_TOY_USER", "us")
    monkeypatch.setenv("OBDTRACK_TOY_PASSWORD_FILE", f"{tmp_path}/password")
    placing, toy = registry.connected(load_settings())
    assert (placing.name, toy.name) == ("mobtexting", "toy")
    assert toy.callback_auth.secrets == (b"a-password",)
