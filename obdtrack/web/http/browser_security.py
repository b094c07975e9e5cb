"""What every page is guarded by: its cookie, its token against forged forms, its strict headers."""

from __future__ import annotations

import gzip
import secrets
from datetime import timedelta

from flask import Flask, Request, Response, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_wtf.csrf import CSRFProtect

from obdtrack.services import Services
from obdtrack.web.http.responses import PAGE_HEADERS

SESSION_HOURS = 12

_WORTH_COMPRESSING = 1000

PUBLIC_FORMS = frozenset({"pages_sign_in.sign_in"})
"""Forms whose body must be read before it is known who sends it."""


class Sessions(SecureCookieSessionInterface):
    """Flask's signed cookie, marked Secure whenever the reader came by TLS."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the session of this request's cookie; programs have none, and wait for no keys."""
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)

    def get_cookie_secure(self, app: Flask) -> bool:
        """Whether this request came by TLS, to us or to the proxy in front of us."""
        return is_tls(request)


def is_tls(asked: Request) -> bool:
    """Whether a request came by TLS. Who forges the header only locks himself out."""
    return asked.is_secure or asked.headers.get("X-Forwarded-Proto", "").lower() == "https"


def secure(app: Flask, services: Services) -> None:
    """Return the application sessions, forms that cannot be forged, and headers for its pages."""
    known = services.settings.secret_key
    app.secret_key = services.encryption.key_for("session") if known else secrets.token_bytes()
    app.session_interface = Sessions()
    app.config.update(
        SESSION_COOKIE_NAME="obdtrack_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=SESSION_HOURS),
        SESSION_REFRESH_EACH_REQUEST=False,
        WTF_CSRF_CHECK_DEFAULT=False,  # the API has no cookies to be misused; pages check below
        WTF_CSRF_TIME_LIMIT=SESSION_HOURS * 3600,
        WTF_CSRF_SSL_STRICT=False,  # behind a proxy our own address is not what the browser saw
    )
    forms = CSRFProtect(app)

    def check_form() -> None:
        if request.method == "POST" and is_page():
            if request.endpoint in PUBLIC_FORMS:
                with services.limits.forms.hold(request.remote_addr or ""):
                    _ = request.form  # a slow one costs a thread; werkzeug keeps what it has read
            forms.protect()

    app.before_request(check_form)
    app.after_request(_harden)


def is_page() -> bool:
    """Whether this request is for one of the pages, not for the API."""
    return (request.blueprint or "").startswith("pages_")


def _harden(response: Response) -> Response:
    if response.mimetype == "text/html":
        for name, value in PAGE_HEADERS.items():
            response.headers.setdefault(name, value)
        return _compressed(response)
    return response


def _compressed(response: Response) -> Response:
    # A page repeats its query beside a secret token, which compression could give away; but
    # only to a site that can make the reader's browser ask with its cookie, and SameSite forbids.
    response.vary.update(["Accept-Encoding", "Cookie"])
    if (
        response.is_streamed
        or response.direct_passthrough
        or "gzip" not in str(request.accept_encodings)
    ):
        return response
    body = response.get_data()
    if len(body) >= _WORTH_COMPRESSING:
        response.set_data(gzip.compress(body, 5, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response
