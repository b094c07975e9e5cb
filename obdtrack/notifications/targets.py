"""Who is told of alarms, and how a text reaches them: by mail or by a request."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, UUID, uuid5

from requests import Request

from obdtrack.domain.submission import Failure
from obdtrack.errors import Code, ObdtrackError
from obdtrack.providers.http.connections import Limits
from obdtrack.providers.http.exchange import ExchangeError, exchange, open_session
from obdtrack.services import Services
from obdtrack.settings import Settings

_LIMITS = Limits(connect=5.0, read=10.0, total=15.0, max_bytes=100_000)
_SECONDS = 15.0


class AlarmTarget(NamedTuple):
    """An entry of the setting; `id` is the same in every process, and tells nothing of it."""

    id: UUID
    entry: str

    @property
    def title(self) -> str:
        """Return how it is called where others read: the path of a URL is as good as a secret."""
        parts = urlsplit(self.entry)
        return self.entry if parts.scheme == "mailto" else f"{parts.scheme}://{parts.hostname}"


class AlarmMessage(NamedTuple):
    """What somebody is told: a mail's subject and text, and the fields of a request."""

    subject: str
    text: str
    fields: Mapping[str, Any]


def targets(settings: Settings) -> list[AlarmTarget]:
    """List those who are told, each once."""
    return [AlarmTarget(uuid5(NAMESPACE_URL, one), one) for one in dict.fromkeys(settings.alarms)]


def tell(target: AlarmTarget, message: AlarmMessage, services: Services) -> None:
    """Send a message; ObdtrackError (unavailable), which says why, if it was not taken."""
    try:
        if target.entry.startswith("mailto:"):
            _mail(target.entry.removeprefix("mailto:"), message, services)
        else:
            body = {"subject": message.subject, "text": message.text, **message.fields}
            reach(Request("POST", target.entry, json=body))
    except (OSError, smtplib.SMTPException, ExchangeError) as error:
        why = _words(error)
        raise ObdtrackError(Code.UNAVAILABLE, f"{target.title} was not told: {why}.") from error


def reach(request: Request) -> None:
    """Send a request to an address of the settings; redirects are not followed.

    Raises ExchangeError if there is no response, ConnectionError if it is no success.
    """
    try:
        with open_session() as session:
            status = exchange(session, request, _LIMITS).status
    except ExchangeError as error:
        if error.failure is not Failure.ANSWER_TOO_LARGE or error.status is None:
            raise
        status = error.status  # nobody wants to read all that
    if not 200 <= status < 300:
        raise ConnectionError(f"it responds {status}")


def _words(error: Exception) -> str:
    """Say why without the text of a library's error, which may repeat the message or its address.

    A mail server's response is a word of its operator's.
    """
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        return f"the mail server responds {error.smtp_code} {text}"[:300]
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = {str(code) for code, _ in error.recipients.values()}
        return f"the mail server refuses the address ({', '.join(sorted(codes))})"
    return str(error).rstrip(".") or type(error).__name__


def _mail(address: str, message: AlarmMessage, services: Services) -> None:
    settings = services.settings
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = settings.smtp_from, address, message.subject
    mail["Date"] = format_datetime(services.now())
    mail["Message-ID"] = make_msgid(domain=settings.smtp_from.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"  # nobody's holiday responds (RFC 3834)
    mail.set_content(message.text, cte="quoted-printable")  # any server takes ASCII
    context = ssl.create_default_context()
    where = (settings.smtp_host, settings.smtp_port)
    with (
        smtplib.SMTP_SSL(*where, timeout=_SECONDS, context=context)
        if settings.smtp_tls == "tls"
        else smtplib.SMTP(*where, timeout=_SECONDS)
    ) as server:
        if settings.smtp_tls == "starttls":
            server.starttls(context=context)
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password)
        server.send_message(mail)
