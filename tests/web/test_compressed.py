"""A compressed report is read and kept readable, or refused; it is never acknowledged unread."""

from __future__ import annotations

import gzip
import io
import json
import zlib

import pytest

from obdtrack.calls.rebuild import rebuild
from obdtrack.calls.reports.replay import replay_all
from obdtrack.domain.content_coding import MAX_BODY
from obdtrack.domain.status import Outcome
from obdtrack.services import Services
from obdtrack.store import models
from obdtrack.store.database import Store
from tests.conftest import Caller
from tests.factories import MID, SECRET, ScriptedProvider, report_body


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    """What a request carries is read before a database could matter."""
    return sqlite_store


BODY = json.dumps(report_body(status="BUSY", mid=None, id=f"{MID}:1")).encode()
FORM = f"id={MID}:1&status=BUSY".encode()
CHUNKED = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}


def raw_deflate(body: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return deflater.compress(body) + deflater.flush()


CODED = {
    "gzip": ("gzip", gzip.compress(BODY)),
    "gzip in capitals": ("GZIP", gzip.compress(BODY)),
    "x-gzip": ("x-gzip", gzip.compress(BODY)),
    "gzip of two members": ("gzip", gzip.compress(BODY[:40]) + gzip.compress(BODY[40:])),
    "gzip that nobody names": (None, gzip.compress(BODY)),
    "gzip of a form": ("gzip", gzip.compress(FORM)),
    "deflate in zlib's wrapper": ("deflate", zlib.compress(BODY)),
    "deflate without it": ("deflate", raw_deflate(BODY)),
    "twice": ("deflate, gzip", gzip.compress(zlib.compress(BODY))),
    "identity": ("identity", BODY),
    "nothing": ("", BODY),
    "plain text under gzip's name": ("gzip", BODY),
    "plain text under deflate's name": ("deflate", BODY),
    "a character set": ("utf-8", BODY),
}


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
@pytest.mark.parametrize(("coding", "sent"), CODED.values(), ids=CODED)
def test_a_compressed_report_is_read(
    caller: Caller, coding: str | None, sent: bytes, chunked: bool
) -> None:
    caller.place()
    assert deliver(caller, sent, coding, chunked) == 200
    assert caller.get(f"/calls/{MID}:1").json["status"] == "busy"


def deliver(caller: Caller, sent: bytes, coding: str | None, chunked: bool = False) -> int:
    headers = {"Authorization": f"Bearer {SECRET}"}
    if coding is not None:
        headers["Content-Encoding"] = coding
    options = {"data": sent}
    if chunked:
        options = {"data": None, "input_stream": io.BytesIO(sent), "environ_overrides": CHUNKED}
    return caller.deliver("", headers=headers, **options).status_code


@pytest.mark.parametrize("coding", ["gzip", None])
def test_it_is_kept_as_text_that_can_be_searched_and_erased_and_says_how_it_came(
    caller: Caller, coding: str | None
) -> None:
    deliver(caller, gzip.compress(BODY), coding)
    delivery = caller.only_delivery()
    assert delivery["body"] == BODY.decode()
    assert delivery["headers"]["content-encoding"] == "gzip (decoded)"


BROKEN = {
    "stops too soon": ("gzip", gzip.compress(BODY)[:-9]),
    "stops in a second member": ("gzip", gzip.compress(FORM) + gzip.compress(FORM)[:-1]),
    "a wrong check sum": ("gzip", gzip.compress(BODY)[:-8] + b"\0" * 8),
    "something behind it": ("gzip", gzip.compress(BODY) + b"\xff\xff"),
    "deflate that stops too soon": ("deflate", zlib.compress(BODY)[:-5]),
    "bytes that are not deflate": ("deflate", b"\xff\xfe\x00\x01"),
    "brotli": ("br", b"\x0b\x05\x80abc\x03"),
    "zstd": ("zstd", b"\x28\xb5\x2f\xfd\x24\x03\x19\x00\x00abc"),
    "gzip in brotli": ("gzip, br", gzip.compress(BODY)),
}


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
@pytest.mark.parametrize(("coding", "sent"), BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_undone_is_not_acknowledged(
    caller: Caller, coding: str, sent: bytes, chunked: bool
) -> None:
    assert deliver(caller, sent, coding, chunked) == 415
    assert caller.get("/deliveries").json["data"] == []


def test_the_refusal_names_what_can_be_undone(caller: Caller) -> None:
    headers = {"Authorization": f"Bearer {SECRET}", "Content-Encoding": "br"}
    response = caller.deliver(b"\x0b\x05\x80abc\x03", headers=headers)
    assert response.headers["Accept-Encoding"] == "gzip, deflate"


def test_broken_gzip_that_nobody_names_is_kept_as_it_came(caller: Caller) -> None:
    assert deliver(caller, gzip.compress(BODY)[:-9], None) == 200
    assert caller.only_delivery()["outcome"] == "unreadable"


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
@pytest.mark.parametrize("coding", ["gzip", "deflate", "gzip, gzip", None])
def test_the_bound_is_that_of_the_decoded_body(
    caller: Caller, coding: str | None, chunked: bool
) -> None:
    def coded(size: int) -> bytes:
        body = b"id=" + b"x" * (size - 3)
        for name in (coding or "gzip").split(", "):
            body = gzip.compress(body) if name == "gzip" else zlib.compress(body)
        return body

    assert deliver(caller, coded(MAX_BODY), coding, chunked) == 200
    assert deliver(caller, coded(MAX_BODY + 1), coding, chunked) == 413
    assert deliver(caller, coded(50_000_000), coding, chunked) == 413


def test_a_report_that_an_older_version_stored_compressed_is_read_by_replay_and_rebuild(
    caller: Caller, services: Services
) -> None:
    caller.place()
    deliver(caller, b"what is this?", None)
    compressed = {"body": gzip.compress(BODY), "headers": {"content-encoding": "gzip"}}
    with services.store.connection_context():
        models.Delivery.update(**compressed).execute()
        assert replay_all(Outcome.UNREADABLE, services) == {Outcome.MATCHED: 1}
    with services.store.write():
        models.EventRow.update(reason="misread").where(models.EventRow.kind == "report").execute()
    assert len(rebuild(services, check=False).different) == 1  # read again from what was raw
    assert rebuild(services, check=True).different == ()
    call = caller.get(f"/calls/{MID}:1").json
    assert (call["status"], call["reason"]) == ("busy", None)


@pytest.mark.parametrize(
    ("coding", "coded", "status"),
    [("gzip", gzip.compress, 201), ("br", lambda _: b"\x0b\x05\x80", 415)],
)
def test_the_api_reads_or_refuses_the_same(
    caller: Caller, provider: ScriptedProvider, coding: str, coded, status: int
) -> None:
    headers = {
        **caller.headers,
        "Content-Type": "application/json",
        "Content-Encoding": coding,
    }
    body = coded(json.dumps({"to": "+918867135001", "flow_id": "23"}).encode())
    response = caller.client.post("/api/v1/calls", data=body, headers=headers)
    assert (response.status_code, len(provider.sent)) == (status, int(status == 201))
