"""The providers that all conduct tests run over, each with what a test must know of its vendor."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from base64 import b64encode
from typing import Any, ClassVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from obdtrack.domain.reports import RawDelivery
from obdtrack.providers.base import Provider
from obdtrack.providers.mobtexting.client import MobTexting
from tests.factories import MID, NUMBER, SECRET
from tests.providers.toy.provider import Toy

LOGIN = "canary-f3a9c1d2e4b5-login"
PASSWORD = "canary-password-of-the-toy"


class Vendor(ABC):
    """A vendor as its own side sees it: how it responds and reports, and what it is shown."""

    ids: ClassVar[tuple[str, str]]
    """Two calls' ids, as the vendor writes them."""
    words: ClassVar[dict[str, str]]
    """Our status -> the vendor's word for it."""
    login: str
    """What shows who we are, and must be seen nowhere."""
    secret: str
    """What a report shows."""

    @abstractmethod
    def connect(self, url: str) -> Provider:
        """Return the provider, whose API is at `url`."""

    @abstractmethod
    def accepted(self, provider_id: str) -> tuple[int, bytes]:
        """Return the vendor's response to a call that it takes: HTTP status and body."""

    @abstractmethod
    def report(self, **said: str) -> RawDelivery:
        """Return a report as a request; `said` may have id, to, word."""

    @abstractmethod
    def authorization(self, secret: str) -> str:
        """Return the Authorization header of a request that shows this secret."""


class MobTextingSide(Vendor):
    ids = (f"{MID}:1", "047d8cfc-77d1-4f6c-bfb5-e81f1a1343a7:1")
    words: ClassVar = {"completed": "ANSWER", "busy": "BUSY", "no-answer": "NOANSWER"}
    login, secret = LOGIN, SECRET

    def connect(self, url: str) -> Provider:
        times = {"connect_timeout": 0.5, "read_timeout": 1.0, "total_timeout": 2.0}
        zone = ZoneInfo("UTC")
        return MobTexting(url=url, token=LOGIN, timezone=zone, secrets=[SECRET], **times)

    def accepted(self, provider_id: str) -> tuple[int, bytes]:
        entry = {"id": provider_id, "mobile": NUMBER[1:], "charges": "0.5000"}
        return 200, json.dumps({"status": 200, "message": "OK", "data": [entry]}).encode()

    def report(self, **said: str) -> RawDelivery:
        named = {"id": said.get("id"), "to": said.get("to", "")[1:], "status": said.get("word")}
        body = {"duration": "16", **{name: value for name, value in named.items() if value}}
        return RawDelivery("POST", "", {}, "application/json", json.dumps(body).encode())

    def authorization(self, secret: str) -> str:
        return f"Bearer {secret}"


class ToySide(Vendor):
    ids = ("c-17", "c-18")
    words: ClassVar = {"completed": "answered", "busy": "busy", "no-answer": "silent"}
    login = secret = PASSWORD

    def connect(self, url: str) -> Provider:
        return Toy(url, "us", PASSWORD)

    def accepted(self, provider_id: str) -> tuple[int, bytes]:
        return 201, json.dumps({"sid": provider_id, "cost": "0.01"}).encode()

    def report(self, **said: str) -> RawDelivery:
        named: dict[str, Any] = {"sid": said.get("id"), "to": said.get("to"), "secs": "16"}
        fields = {name: value for name, value in named.items() if value}
        body = urlencode(fields | ({"state": said["word"]} if "word" in said else {}))
        return RawDelivery("POST", "", {}, "application/x-www-form-urlencoded", body.encode())

    def authorization(self, secret: str) -> str:
        return "Basic " + b64encode(f"us:{secret}".encode()).decode()


VENDORS: dict[str, Vendor] = {"mobtexting": MobTextingSide(), "toy": ToySide()}
