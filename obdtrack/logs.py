"""Log lines: one event one line, as JSON, on standard error."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog


def configure_logs(level: str) -> None:
    """Send our log lines and those of libraries to standard error from `level` on."""
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(stream=sys.stderr, level=max(number, logging.WARNING), format="%(message)s")
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


_render = structlog.processors.JSONRenderer(ensure_ascii=True)


def _one_line(logger: Any, method: str, event: Any) -> str | bytes:
    # JSON escapes line ends, so text from outside cannot forge a second line.
    return _render(logger, method, event)
