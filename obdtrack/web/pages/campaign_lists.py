"""Uploads a list of recipients: what its columns are taken for is shown before it is imported.

Between the two steps the list stays with the reader, in the form: no server has to keep it.
"""

from __future__ import annotations

import gzip
from base64 import b64decode, b64encode
from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import PurePath
from typing import Any, NamedTuple
from uuid import UUID

from flask import (
    Blueprint,
    Response,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import format_decimal
from werkzeug.wrappers import Response as Redirect

from obdtrack.access.keys import Scope
from obdtrack.campaigns.imports import ImportOptions, import_file, preview
from obdtrack.campaigns.recipient_files import DELIMITERS, ENDINGS, FileOptions
from obdtrack.domain.texts import Said
from obdtrack.errors import Code, ObdtrackError
from obdtrack.store import models
from obdtrack.web.api.campaigns import found
from obdtrack.web.http.auth import current_access, needs, services
from obdtrack.web.http.errors import HTTP_STATUS
from obdtrack.web.pages.language import gettext as _

blueprint = Blueprint("pages_campaign_lists", __name__, url_prefix="/campaigns")

MOST_UPLOADED = 10 * 2**20
_TOO_LARGE = (
    f"The list is larger than {MOST_UPLOADED // 2**20} MiB. Import it at the command line or by the"
    " API."
)


class UploadedList(NamedTuple):
    """A list as it came, what kind of file it is, and how it is read but for its columns."""

    content: bytes
    kind: str
    options: ImportOptions


@blueprint.post("/<uuid:campaign_id>/list")
@needs(Scope.PLACE)
def import_list(campaign_id: UUID) -> Response | Redirect:
    """Show what a list's columns are taken for, or import it as the reader has decided."""
    campaign = found(str(campaign_id))
    try:
        uploaded = _uploaded(request.form)
    except ObdtrackError as refusal:
        flash(refusal.message)
        return redirect(_page_of(campaign), 303)
    with services().limits.imports.hold():
        try:
            wanted = uploaded.options._replace(mapping=_mapping(request.form))
            if request.form.get("do") == "import":
                return _imported(campaign, uploaded._replace(options=wanted))
            return _choosing(campaign, uploaded, _preview(campaign, uploaded, wanted))
        except ObdtrackError as refusal:
            wrong, shown = refusal, {}
        with suppress(ObdtrackError):  # which columns there are is shown in any case
            shown = {**_preview(campaign, uploaded, uploaded.options), "first": []}
    return _choosing(campaign, uploaded, shown, wrong)


def _preview(
    campaign: models.Campaign, uploaded: UploadedList, options: ImportOptions
) -> dict[str, Any]:
    return preview(campaign, BytesIO(uploaded.content), uploaded.kind, options)


def _uploaded(form: Mapping[str, str]) -> UploadedList:
    """Return the list that was just chosen, or that the form has had since.

    Raises ObdtrackError (invalid) if there is none, or it is too large or of no known kind.
    """
    file = request.files.get("file")
    if file is not None and file.filename:
        kind, content = ENDINGS.get(PurePath(file.filename).suffix.lower()), file.read()
    else:
        kind, content = form.get("kind"), _unpacked(form.get("content", ""))
    if not content:
        raise ObdtrackError(Code.INVALID, "Choose a file that is not empty.")
    if len(content) > MOST_UPLOADED:
        raise ObdtrackError(Code.INVALID, _TOO_LARGE)
    if kind not in ENDINGS.values():
        endings = ", ".join(ENDINGS)
        raise ObdtrackError(
            Code.INVALID, Said("Choose a file that ends in %(endings)s.", endings=endings)
        )
    header = {"yes": True, "no": False}.get(form.get("header", ""))
    options = ImportOptions(
        {},
        form.get("default_country", "").strip().upper() or None,
        FileOptions(form.get("delimiter") if form.get("delimiter") in DELIMITERS else None, header),
    )
    return UploadedList(content, str(kind), options)


def _unpacked(text: str) -> bytes:
    """Return the list that the form has carried; no more of it than may be uploaded."""
    try:
        with gzip.GzipFile(fileobj=BytesIO(b64decode(text, validate=True))) as packed:
            return packed.read(MOST_UPLOADED + 1)
    except (ValueError, EOFError, OSError):
        return b""


def _mapping(form: Mapping[str, str]) -> dict[str, str]:
    """Return the columns by what the reader says they are.

    Raises ObdtrackError (invalid) if two are to be the same.
    """
    found: dict[str, str] = {}
    for place in range(int(form.get("columns", "0")) if form.get("columns", "0").isdigit() else 0):
        name, field = form.get(f"column-{place}", ""), form.get(f"field-{place}", "")
        field = f"{field}{name}" if field.endswith(".") else field
        if field in found:
            raise ObdtrackError(
                Code.INVALID,
                Said(
                    "Two columns are chosen for %(field)s: %(one)r and %(other)r.",
                    field=field,
                    one=found[field],
                    other=name,
                ),
            )
        if field:
            found[field] = name
    return found


def _imported(campaign: models.Campaign, uploaded: UploadedList) -> Redirect:
    result, is_old = import_file(
        campaign.id,
        BytesIO(uploaded.content),
        uploaded.kind,
        uploaded.options,
        current_access(),
        services(),
    )
    said = _(
        "%(rows)s rows: %(ready)s to be called, %(invalid)s invalid, %(duplicate)s twice.",
        **{
            name: format_decimal(result[name]) for name in ("rows", "ready", "invalid", "duplicate")
        },
    )
    before = _("This list was imported before, and is not again.")
    flash(f"{before} {said}" if is_old else said)
    return redirect(f"{_page_of(campaign)}#lists", 303)


def _choosing(
    campaign: models.Campaign,
    uploaded: UploadedList,
    shown: Mapping[str, Any],
    error: ObdtrackError | None = None,
) -> Response:
    page = render_template(
        "campaign_list.html",
        campaign=campaign,
        shown=shown,
        fields={column: field for field, column in shown.get("mapping", {}).items()},
        content=b64encode(gzip.compress(uploaded.content, 6, mtime=0)).decode(),
        uploaded=uploaded,
        error=error,
        delimiters=DELIMITERS,
    )
    return make_response(page, HTTP_STATUS[error.code] if error else 200)


def _page_of(campaign: models.Campaign) -> str:
    return url_for("pages_campaigns.show", name=campaign.name)
