"""Answers that are not a success: error bodies and the login page."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, redirect
from werkzeug.wrappers import Response as BaseResponse

LOGIN_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Login</title></head>
<body>
<h1>Login</h1>
<form method="post" action="/login">
<label>Email <input name="email" type="email"></label>
<label>Password <input name="password" type="password"></label>
<button>Login</button>
</form>
</body>
</html>
"""


def refusal(code: int, message: str, *, http_status: int | None = None, **more: Any) -> Response:
    """Return an error body; the HTTP status is `code` unless told otherwise."""
    response = jsonify({"status": "ERROR", "code": code, "message": message, **more})
    response.status_code = http_status or code
    return response


def invalid(errors: dict[str, list[str]]) -> Response:
    """Return the answer to a request whose fields are wrong; `errors` are sentences by field."""
    return refusal(422, "The given data was invalid.", errors=errors)


def rate_limited(retry_after_seconds: int) -> Response:
    """Return the answer to one request too many."""
    response = refusal(429, "Too Many Attempts.")
    response.headers["Retry-After"] = str(retry_after_seconds)
    return response


def not_found() -> Response:
    """Return the answer for something that is not there."""
    return refusal(404, "Not found.")


def login_page() -> Response:
    """Return the HTML login page, with 200 as some deployments do."""
    return Response(LOGIN_PAGE, mimetype="text/html")


def login_redirect() -> BaseResponse:
    """Send the client to the login page."""
    return redirect("/login")
