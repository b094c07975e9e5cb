"""The calls and reports of the benchmarks: everything about call n follows from n."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from bench import product

MARKS = {"{12}": "%012d", "{8}": "%08d"}
"""What stands for the number of a call in a template, by digits; the load generator fills it in."""

MID = "00000000-0000-4000-8000-{12}"
NUMBER = "9188{8}"


def filled(template: str, n: int) -> str:
    """Return a template with call n in it."""
    for mark, digits in MARKS.items():
        template = template.replace(mark, digits % (n % 10 ** int(mark[1:-1])))
    return template


def mid(n: int) -> str:
    """Return the provider's id of the submission of call n."""
    return filled(MID, n)


def number(n: int) -> str:
    """Return the number called by call n, in E.164."""
    return "+" + filled(NUMBER, n)


def body(**changes: Any) -> str:
    """Return a template of the provider's default report, some 300 bytes: answered, 16 seconds."""
    ended = datetime.now(UTC)  # a time long before the call was placed would not be believed
    bridge = int(product.BRIDGE.lstrip("+"))
    report = {
        "bridge": bridge,
        "from": bridge,
        "to": f"<{NUMBER}>",
        "source": "OBD",
        "mid": MID,
        "flow_id": 23,
        "start_at": f"{ended - timedelta(seconds=16):%F %T}",
        "end_at": f"{ended:%F %T}",
        "duration": "16",
        "status": "ANSWER",
        "recording_url": f"https://recordings.example/{MID}.wav",
        **changes,
    }
    # The provider writes numbers without quotes.
    return json.dumps(report, indent=1).replace(f'"<{NUMBER}>"', NUMBER)


def http_request(path: str, content: str, authorization: str) -> str:
    """Return a template of a whole HTTP request for the load generator."""
    head = (
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "User-Agent: Go-http-client/1.1",
        "Content-Type: application/json",
        f"Authorization: Bearer {authorization}",
        f"Content-Length: {len(filled(content, 0).encode())}",
    )
    return "\r\n".join(head) + "\r\n\r\n" + content


def report_request() -> str:
    """Return the template of the request that brings the report of one call."""
    return http_request(product.CALLBACK, body(), product.SECRET)
