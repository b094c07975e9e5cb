"""Undoes what a sender did to make a body smaller (`Content-Encoding`, RFC 9110, 8.4)."""

from __future__ import annotations

import re
import zlib

MAX_BODY = 64 * 1024
"""Bytes of body accepted, before and after decoding; a report has some hundreds."""

CODINGS = "gzip, deflate"
"""What can be undone, as an `Accept-Encoding` header names it."""

GZIP_MAGIC = b"\x1f\x8b"
"""How every gzip file begins (RFC 1952, 2.3.1); no text does."""

_GZIP, _ZLIB, _RAW = 31, 15, -15  # zlib's window bits
_WAYS = {"gzip": (_GZIP,), "x-gzip": (_GZIP,), "deflate": (_ZLIB, _RAW)}
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class UndecodableError(ValueError):
    """A body is in a coding that cannot be undone; the message says why."""


def decode(body: bytes, codings: str) -> bytes:
    """Return a body as it was before the codings that a `Content-Encoding` header names.

    Returns the same object if there is nothing to undo: the header names no coding, or the body is
    plain text, which some senders and proxies send under the name of a coding. Raises
    UndecodableError if it is broken or stops before its end, or if the coding is unknown, and
    OverflowError if more than MAX_BODY bytes come out.
    """
    names = [name.strip().lower() for name in codings.split(",")]
    plain = body
    try:
        for name in reversed([name for name in names if name not in ("", "identity")]):
            plain = _undo(plain, name)
    except UndecodableError:
        if not _is_text(body):
            raise
        return body
    return plain


def _undo(body: bytes, coding: str) -> bytes:
    for window in (ways := _WAYS.get(coding, ())):
        try:
            return _inflate(body, window)
        except zlib.error:
            continue
    known = f"the body is not {coding}" if ways else f"{coding[:20]!r} is not known"
    raise UndecodableError(known)


def _inflate(body: bytes, window: int) -> bytes:
    plain = b""
    while body:  # several members in a row are one body (RFC 1952, 2.2)
        inflater = zlib.decompressobj(window)
        plain += inflater.decompress(body, MAX_BODY + 1 - len(plain))
        if len(plain) > MAX_BODY:
            raise OverflowError
        if not inflater.eof:
            raise UndecodableError("the compressed body stops before its end")
        body = inflater.unused_data
    return plain


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return _CONTROLS.search(body) is None
