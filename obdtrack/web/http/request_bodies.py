"""What a request may bring: the one place that bounds bodies and forms."""

from __future__ import annotations

import re
from io import BytesIO
from tempfile import TemporaryFile
from typing import IO, Any, NoReturn
from wsgiref.types import WSGIEnvironment

from flask import Request
from marshmallow import Schema, ValidationError
from webargs import core
from webargs.flaskparser import FlaskParser, abort, is_json_request
from werkzeug.exceptions import (
    ClientDisconnected,
    LengthRequired,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)
from werkzeug.formparser import FormDataParser
from werkzeug.utils import cached_property

from obdtrack.domain.content_coding import CODINGS, GZIP_MAGIC, MAX_BODY, UndecodableError, decode
from obdtrack.domain.strict_json import load_json
from obdtrack.settings import plain_host

MAX_FIELDS = 1000
"""Fields of a form; the largest of ours has one for each column of a list."""

LISTS = frozenset({"pages_campaign_lists.import_list", "pages_opt_outs.import_list"})
"""Forms that bring a list of numbers, so that they may be larger than others."""

_MOST_OF_A_LIST = 16 * 2**20

_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_PAIRS = ((b"{", b"}"), (b"[", b"]"))


def read_body(environ: WSGIEnvironment) -> bytes | None:
    """Return the whole body, decoded, or None if it is larger than MAX_BODY; raises as `whole`."""
    most = expected(environ)
    return None if most is None else whole(_read(environ, most), environ)


def expected(environ: WSGIEnvironment) -> int | None:
    """Return how many bytes of the body to read at most; None: it says that it is too large.

    A length that is stated is checked before a byte is read; without one (chunked) a byte more than
    allowed is asked for, since a truncated body must never look like a whole one.
    """
    told = environ.get("CONTENT_LENGTH") or ""
    if told:
        length = int(told) if told.isascii() and told.isdigit() else MAX_BODY + 1
        return length if length <= MAX_BODY else None
    chunked = environ.get("wsgi.input_terminated") or environ.get("HTTP_TRANSFER_ENCODING")
    return MAX_BODY + 1 if chunked else 0


def whole(body: bytes, environ: WSGIEnvironment) -> bytes | None:
    """Return what was read of a body, decoded, or None if it is larger than MAX_BODY.

    Raises EOFError if the client went away before the end, or if nobody could tell whether it did,
    and UndecodableError if the body is in a `Content-Encoding` that cannot be undone. Of a body
    that was decoded `HTTP_CONTENT_ENCODING` says so afterwards.
    """
    if told := environ.get("CONTENT_LENGTH"):
        if len(body) < int(told):
            raise EOFError("the client closed the connection before the end of its request")
        return _plain(body, environ)
    if len(body) > MAX_BODY:
        return None
    plain = _plain(body, environ)
    if plain is body and not _shows_its_end(body):
        raise EOFError("a chunked body must show where it ends, as JSON and multipart forms do")
    return plain


def _plain(body: bytes, environ: WSGIEnvironment) -> bytes | None:
    """Return the body without its coding, which shows its own end, or None if it is too large."""
    named = environ.get("HTTP_CONTENT_ENCODING", "")
    coding = named or ("gzip" if body.startswith(GZIP_MAGIC) else "")
    if not coding:
        return body
    try:
        plain = decode(body, coding)
    except OverflowError:
        return None
    except UndecodableError:
        if named:
            raise
        return body  # nobody said that it is anything
    if plain is not body:
        environ["HTTP_CONTENT_ENCODING"] = f"{coding} (decoded)"
    return plain


def _shows_its_end(body: bytes) -> bool:
    """Whether a body that came in chunks is all there, going by itself.

    Servers end it in the same way whether the last chunk came or the connection broke (granian
    does), and half of a form would pass for a whole one.
    """
    text = body.strip()
    if text[:1] not in (b"{", b"["):
        return not text or text.endswith(b"--")
    bare = _STRINGS.sub(b"", text)
    return b'"' not in bare and all(bare.count(left) == bare.count(right) for left, right in _PAIRS)


def spooled_body(environ: WSGIEnvironment, most: int) -> IO[bytes]:
    """Return a body of at most so many bytes in a temporary file, whole.

    Raises an HTTPException for one that is larger, was cut off, is encoded, or whose length was not
    stated: of a list nobody could say whether its end is missing.
    """
    if coding := environ.get("HTTP_CONTENT_ENCODING"):
        raise UnsupportedMediaType(
            f"Send the file as it is, without Content-Encoding {coding[:20]}."
        )
    stated = environ.get("CONTENT_LENGTH") or ""
    if not (stated.isascii() and stated.isdigit()):
        raise LengthRequired("State the file's length (Content-Length): its end must be certain.")
    left = int(stated)
    if left > most:
        raise RequestEntityTooLarge(f"The file is larger than {most // 2**20} MiB: cut it in two.")
    file, stream = TemporaryFile(), environ["wsgi.input"]  # noqa: SIM115  # the caller closes it
    while left and (part := stream.read(min(left, _PART))):
        file.write(part)
        left -= len(part)
    if left:
        raise ClientDisconnected("the client closed the connection before the end of its file")
    return file


_PART = 256 * 1024


class BoundedRequest(Request):
    """A request whose body is there whole, or not at all: werkzeug cuts a long chunked one."""

    max_form_parts = MAX_FIELDS

    def __init__(self, environ: WSGIEnvironment, *args: Any, **kwargs: Any) -> None:
        if host := environ.get("HTTP_HOST"):
            environ["HTTP_HOST"] = plain_host(host)
        super().__init__(environ, *args, **kwargs)

    def make_form_data_parser(self) -> FormDataParser:
        """Return what parses forms, with as much room as this one may take."""
        if self.endpoint in LISTS:
            self.max_form_memory_size = _MOST_OF_A_LIST
        return super().make_form_data_parser()

    @cached_property
    def stream(self) -> IO[bytes]:
        """Return the body; raises its HTTPException for what is too large, cut or encoded."""
        if self.endpoint in LISTS:
            file = spooled_body(self.environ, _MOST_OF_A_LIST)
            file.seek(0)
            return file
        try:
            body = read_body(self.environ)
        except EOFError as error:
            raise ClientDisconnected(str(error)) from None
        except UndecodableError as error:
            raise UnsupportedMediaType(f"{error}; send it as it is, or as {CODINGS}") from None
        if body is None:
            raise RequestEntityTooLarge
        return BytesIO(body)


class BodyParser(FlaskParser):
    """Reads the JSON of API requests within the bounds; 400 says what is wrong with it.

    Of a parameter that means one value two are refused: which of them is meant nobody knows.
    """

    def load_querystring(self, req: Request, schema: Schema) -> Any:
        """Return the query; raises ValidationError (422) naming each parameter given twice."""
        found = super().load_querystring(req, schema)
        given = req.args.lists()
        twice = {
            name for name, values in given if len(values) > 1 and name not in found.multiple_keys
        }
        if twice:
            raise ValidationError({name: ["Given more than once."] for name in twice})
        return found

    def _raw_load_json(self, req: Request) -> Any:
        raw = req.get_data(cache=True)
        if not raw:
            return core.missing
        if not is_json_request(req):
            words = f"The Content-Type is {req.mimetype or 'missing'!r}; send application/json."
            abort(400, messages={"json": [words]})
        try:
            return load_json(raw)
        except ValueError as error:
            self._handle_invalid_json_error(error, req)

    def _handle_invalid_json_error(self, error: ValueError, *_: Any, **__: Any) -> NoReturn:
        abort(400, messages={"json": [f"Not valid JSON: {error}."]})


def _read(environ: WSGIEnvironment, length: int) -> bytes:
    stream, parts = environ["wsgi.input"], []
    while length > 0 and (part := stream.read(length)):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
