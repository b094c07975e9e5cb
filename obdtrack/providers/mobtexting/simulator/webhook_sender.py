"""Bringing requests to a webhook: the verification challenge, and reports until they are taken."""

from __future__ import annotations

import json
import logging
from typing import NamedTuple

import requests

from obdtrack.providers.mobtexting.simulator.reports import Message
from obdtrack.providers.mobtexting.simulator.scheduler import Scheduler

TAKEN = frozenset({200, 202})
RETRIES = 3
TIMEOUT_SECONDS = 5.0
_LARGEST_RESPONSE = 64 * 1024

logger = logging.getLogger(__name__)


class Target(NamedTuple):
    """Where reports go, and the secret they present there, if any."""

    uri: str
    secret: str | None


class WebhookReply(NamedTuple):
    """What a webhook answered; `status` is None if nothing came."""

    status: int | None
    body: bytes


def ask(target: Target, message: Message) -> WebhookReply:
    """Bring one request to a webhook, once. Redirects are not followed. Never raises."""
    headers = {"Content-Type": message.content_type} if message.content_type else {}
    if target.secret:
        headers["Authorization"] = f"Bearer {target.secret}"
    try:
        with requests.Session() as session:
            # A proxy or a ~/.netrc of this machine must not change what is sent.
            session.trust_env = False
            with session.request(
                message.method,
                target.uri,
                params=dict(message.query),
                data=message.body or None,
                headers=headers,
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                stream=True,
            ) as response:
                return WebhookReply(
                    response.status_code, next(response.iter_content(_LARGEST_RESPONSE), b"")
                )
    except requests.RequestException as error:
        logger.info("The webhook did not respond: %s", type(error).__name__)
        return WebhookReply(None, b"")


def challenge(target: Target, validation_key: str, word: str) -> str | None:
    """Ask a webhook to prove that it expects us by repeating `word`; None if it does.

    Otherwise gives a sentence that says what it did instead.
    """
    body = json.dumps({"validation_key": validation_key, "challenge": word}).encode()
    reply = ask(target, Message("POST", {"token": validation_key}, body, "application/json"))
    if reply.status is None:
        return "The webhook did not respond to the challenge."
    if reply.status != 200:
        return f"The webhook responded to the challenge with {reply.status}, not 200."
    return None if _repeats(reply.body, word) else "The webhook did not repeat the challenge."


def _repeats(body: bytes, word: str) -> bool:
    try:
        response = json.loads(body)
    except ValueError:
        return False
    return isinstance(response, dict) and response.get("challenge") == word


class Courier:
    """Brings reports, and again after `retry_seconds` when one was not taken."""

    def __init__(self, scheduler: Scheduler, retry_seconds: float) -> None:
        self._scheduler = scheduler
        self._retry_seconds = retry_seconds

    def bring(self, target: Target, message: Message, retries: int = RETRIES) -> None:
        """Bring one report now; what is not answered 200 or 202 is tried `retries` more times."""
        status = ask(target, message).status
        if status in TAKEN:
            return
        logger.info("Report not taken (%s), %d tries left", status, retries)
        if retries:
            self._scheduler.after(
                self._retry_seconds, lambda: self.bring(target, message, retries - 1)
            )
