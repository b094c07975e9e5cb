"""Style and script: few files, compressed once, kept by browsers until their content changes."""

from __future__ import annotations

import gzip
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import flask_bootstrap
from flask import Response, request, url_for

from obdtrack.errors import Code, ObdtrackError

_OWN = Path(__file__).resolve().parents[1] / "static"
_BOOTSTRAP = Path(flask_bootstrap.__file__).parent / "static" / "bootstrap5"

FILES: dict[str, tuple[Path, str]] = {
    "bootstrap.css": (_BOOTSTRAP / "css" / "bootstrap.min.css", "text/css"),
    "app.css": (_OWN / "app.css", "text/css"),
    "app.js": (_OWN / "app.js", "text/javascript"),
    "icon.svg": (_OWN / "icon.svg", "image/svg+xml"),
}
"""Every file a browser may have, by name."""

_FOR_EVER = "public, max-age=31536000, immutable"


class Asset(NamedTuple):
    """A file's content, plain and compressed, and a mark that changes with it."""

    plain: bytes
    compressed: bytes
    mark: str
    kind: str


@cache
def load(name: str) -> Asset:
    """Return one of the files; raises KeyError if there is no such."""
    path, kind = FILES[name]
    plain = path.read_bytes()
    if kind == "text/css":
        plain = plain.partition(b"/*# sourceMappingURL")[0]  # the map is not served
    return Asset(plain, gzip.compress(plain, 9, mtime=0), sha256(plain).hexdigest()[:12], kind)


def address(name: str) -> str:
    """Return the address of a file, which changes whenever its content does."""
    return url_for("pages_sign_in.asset", mark=load(name).mark, name=name)


def serve(name: str) -> Response:
    """Return a file; raises ObdtrackError (not found)."""
    if name not in FILES:
        raise ObdtrackError(Code.NOT_FOUND, "There is no such file.")
    asset = load(name)
    response = Response(asset.plain, content_type=f"{asset.kind}; charset=utf-8")
    if "gzip" in str(request.accept_encodings):
        response.set_data(asset.compressed)
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Cache-Control"] = _FOR_EVER
    response.vary.add("Accept-Encoding")
    return response
