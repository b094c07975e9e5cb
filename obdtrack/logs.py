"""Log lines: one event one line, as JSON, on standard error; no phone number in full."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from obdtrack.domain.redaction import mask_all

_FREE_TEXT = ("exception", "error", "reason")
"""Fields with a library's own words, which may repeat the text that caused them."""


def configure_logs(level: str) -> None:
    """Send our log lines and those of libraries to standard error from `level` on."""
    number = logging.getLevelNamesMapping()[level.upper()]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OfLibraries())
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _one_line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


class _OfLibraries(logging.Formatter):
    """Gives what a library logs the form of our own lines, with the library's name."""

    def format(self, record: logging.LogRecord) -> str:
        event: MutableMapping[str, Any] = {
            "event": mask_all(record.getMessage()),
            "logger": record.name,
            "level": record.levelname.lower(),
        }
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        event = _timestamp(None, "", event)
        return str(_one_line(None, "", event))


_timestamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
_render = structlog.processors.JSONRenderer(ensure_ascii=True)


def _one_line(logger: Any, method: str, event: MutableMapping[str, Any]) -> str | bytes:
    for name in _FREE_TEXT:
        if name in event:
            event[name] = mask_all(str(event[name]))
    # JSON escapes line ends, so text from outside cannot forge a second line.
    return _render(logger, method, event)
