"""Reads a pasted sample of a report, in whatever form it was copied, and explains it."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Mapping
from urllib.parse import urlsplit

from obdtrack.domain.phone import whole
from obdtrack.domain.reports import (
    Challenge,
    NotOurs,
    OptOut,
    RawDelivery,
    Reading,
    Report,
    Several,
    Unreadable,
)
from obdtrack.errors import Code, ConfigError, ObdtrackError
from obdtrack.providers.base import ComposedReports, Explanation
from obdtrack.providers.registry import connected
from obdtrack.settings import Settings

# `POST /webhooks/name?x=1 HTTP/1.1`, a URL, or the query alone, on the first line.
_FIRST_LINE = re.compile(
    r"(?:(?P<method>[A-Z]+) +)?(?P<target>(?:https?://|/|\?).*?)(?: +HTTP/[0-9.]+)?"
)
_HEADER = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9-]*):\s*(?P<value>.*)")
_CONTINUED = re.compile(r"\\\r?\n")


def composed_reports(settings: Settings) -> ComposedReports:
    """Return the provider, whose reports the customer designs.

    Raises ConfigError if nobody designs them, or if OBDTRACK_WEBHOOK_FIELDS is wrong.
    """
    provider = connected(settings)[0]
    if not isinstance(provider, ComposedReports):
        raise ConfigError(f"The reports of {provider.name} have one form; there is nothing to map.")
    return provider


def explain_sample(text: str, settings: Settings) -> Explanation:
    """Say what of a pasted report is understood with these settings, and what would help.

    Raises ObdtrackError if the text is a command that cannot be read, and ConfigError as
    `composed_reports` does.
    """
    return composed_reports(settings).explain(read_request(text), whole(settings.bridge))


def describe(reading: Reading, naming: str = "its id") -> str:
    """Say in a sentence what a request is, and what it lacks; `naming` would name its call."""
    match reading:
        case Report(provider_id=str()):
            return "a report that names its call"
        case Report(mid=str(), to=str()):
            return "a report that names its call by submission and number"
        case Report(mid=str()):
            return "a report that names its submission, which is enough if that is of one number"
        case Report():
            return f"a report that does not say which call it is about: add {naming}"
        case OptOut():
            return "an opt-out; it is no report about a call"
        case Challenge():
            return "the challenge of a new webhook"
        case Several(parts):
            return f"{len(parts)} requests in one; look at one of them alone"
        case NotOurs(reason) | Unreadable(reason):
            return f"no report: {reason}"


def read_request(text: str) -> RawDelivery:
    """Return a URL, a query, a JSON or form body, HTTP text or a curl command as the request it is.

    Raises ObdtrackError for a curl command with an open quote or nothing in it.
    """
    text = text.strip()
    if text.startswith("curl "):
        return _read_curl(text)
    first, _, rest = text.partition("\n")
    line = _FIRST_LINE.fullmatch(first.strip())
    if line is None:
        return _request("POST", "", {}, text)
    headers, body = _read_headers(rest)
    method = line["method"] or ("POST" if body else "GET")
    return _request(method, line["target"], headers, body)


def _request(method: str, target: str, headers: Mapping[str, str], body: str) -> RawDelivery:
    query = urlsplit(target).query
    return RawDelivery(method, query, headers, headers.get("content-type", ""), body.encode())


def _read_headers(text: str) -> tuple[dict[str, str], str]:
    lines = text.strip().splitlines()
    headers: dict[str, str] = {}
    while lines and (found := _HEADER.fullmatch(lines[0].strip())):
        headers[found["name"].lower()] = found["value"]
        lines.pop(0)
    return headers, "\n".join(lines).strip()


def _read_curl(text: str) -> RawDelivery:
    try:
        words = shlex.split(_CONTINUED.sub(" ", text))[1:]
        given, others = _curl_options().parse_known_args(words)
    except (ValueError, argparse.ArgumentError):
        raise ObdtrackError(
            Code.INVALID, "This curl command cannot be read; paste the URL or the body instead."
        ) from None
    headers, _ = _read_headers("\n".join(given.header))
    url = next((word for word in others if not word.startswith("-")), "")
    data = "&".join(given.data)
    if given.get:
        joint = "&" if "?" in url else "?"
        return _request(given.request or "GET", f"{url}{joint}{data}", headers, "")
    return _request(given.request or ("POST" if data else "GET"), url, headers, data)


def _curl_options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(exit_on_error=False, add_help=False, allow_abbrev=False)
    options.add_argument("-X", "--request")
    options.add_argument("-H", "--header", action="append", default=[])
    options.add_argument("-G", "--get", action="store_true")
    for names in (("-d", "--data"), ("--data-raw",), ("--data-binary",), ("--data-urlencode",),
                  ("-F", "--form")):  # fmt: skip
        options.add_argument(*names, dest="data", action="append", default=[])
    for flag in ("-i", "-k", "-L", "-s", "-S", "-v"):
        options.add_argument(flag, action="store_true")
    return options
