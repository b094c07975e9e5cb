"""The audit: who did what to keys, numbers and calls, newest first."""

from __future__ import annotations

from flask import Blueprint, Response, request

from obdtrack.access import audit
from obdtrack.access.audit import Action
from obdtrack.access.keys import Scope
from obdtrack.calls import queries
from obdtrack.store import models
from obdtrack.web.http.auth import needs
from obdtrack.web.http.paging import cut
from obdtrack.web.pages.filters import read_id
from obdtrack.web.pages.template_helpers import live
from obdtrack.web.pages.timeline_entries import facts

blueprint = Blueprint("pages_audit", __name__)

PAGE = 50

DEEDS: dict[str, str] = {
    Action.SIGNED_IN: "Signed in",
    Action.SIGN_IN_FAILED: "Was refused: a wrong or expired key",
    Action.KEY_CREATED: "Created a key",
    Action.KEY_ROTATED: "Rotated a key",
    Action.KEY_REVOKED: "Revoked a key",
    Action.PII_USED: "Used a key that can see numbers",
    Action.NUMBERS_SHOWN: "Had numbers shown in full",
    Action.DOWNLOAD_BEGUN: "Began a download",
    Action.DOWNLOAD_ENDED: "Finished a download",
    Action.CALL_PLACED: "Placed a call by the form",
    Action.NUMBER_VIEWED: "Saw a call's number",
    Action.NUMBER_SOUGHT: "Looked for a number without seeing numbers",
    Action.DELIVERY_REPLAYED: "Reprocessed a delivery",
    Action.DELIVERIES_REPLAYED: "Reprocessed deliveries",
    Action.CALL_RESOLVED: "Resolved a call",
    Action.NUMBER_ERASED: "Erased a number",
    Action.NUMBER_EXPORTED: "Exported a number's calls",
    Action.NUMBER_SUPPRESSED: "Added a number to the do-not-call list",
    Action.NUMBER_UNSUPPRESSED: "Removed a number from the do-not-call list",
    Action.NUMBERS_IMPORTED: "Imported numbers to the do-not-call list",
    Action.CAMPAIGN_CREATED: "Created a campaign",
    Action.CAMPAIGN_CHANGED: "Changed a campaign",
    Action.RECIPIENTS_IMPORTED: "Imported recipients of a campaign",
    Action.DESTINATION_CREATED: "Created a destination",
    Action.DESTINATION_CHANGED: "Changed a destination",
    Action.DESTINATION_DELETED: "Deleted a destination",
    Action.NOTIFICATIONS_REPLAYED: "Sent notifications again",
    Action.OLD_FORGOTTEN: "Deleted expired data",
    Action.INSTALLATION_CHECKED: "Checked the installation",
}


@blueprint.get("/audit")
@needs(Scope.ADMIN)
def index() -> Response:
    """List what was done, newest first, with what each deed was done to."""
    wrong: dict[str, str] = {}
    before = read_id(request.args, wrong)
    subject = request.args.get("subject") or None
    found = [] if wrong else audit.newest(PAGE + 1, before, subject)
    shown, older = cut(found, PAGE)
    return live(
        "audit.html",
        entries=[(row, deed(row.action), facts(row.detail)) for row in shown],
        calls={row.subject for row in shown if is_call(row)},
        wrong=wrong,
        older=older,
    )


def deed(action: str) -> str:
    """Say what was done; a word we do not know is shown without its dashes."""
    return DEEDS.get(action) or action.replace("-", " ")


def is_call(row: models.Audit) -> bool:
    """Whether the deed was done to a call that is still here."""
    about_calls = row.action in (Action.NUMBER_VIEWED, Action.CALL_RESOLVED)
    return about_calls and queries.find(row.subject) is not None
