"""The audit: who did what to keys, numbers and calls, and who saw a number; newest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as Redirect

from obdtrack.access import audit, keys
from obdtrack.access.audit import Action, AuditFilter
from obdtrack.access.keys import Scope
from obdtrack.calls import queries
from obdtrack.domain.phone import is_erased
from obdtrack.domain.times import to_text
from obdtrack.errors import ObdtrackError
from obdtrack.privacy.person import entries_about, number_meant
from obdtrack.store import bulk_sql, models
from obdtrack.web.http.auth import current_access, needs, services
from obdtrack.web.http.paging import cut
from obdtrack.web.pages.filters import (
    CHOICES,
    is_plain,
    misnamed,
    open_text,
    read_days,
    read_id,
    refusal,
    seal_text,
)
from obdtrack.web.pages.language import N_
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.preferences import current_zone
from obdtrack.web.pages.privacy import Reader
from obdtrack.web.pages.tables import TableColumn, TableFile, file_name, table_response
from obdtrack.web.pages.template_helpers import clock, day, live, reader
from obdtrack.web.pages.timeline_entries import facts

blueprint = Blueprint("pages_audit", __name__)

PAGE = 50
_BATCH = 500
_LONGEST = 200

DEEDS: dict[str, str] = {
    Action.SIGNED_IN: N_("Signed in"),
    Action.SIGN_IN_FAILED: N_("Was refused: a wrong or expired key"),
    Action.KEY_CREATED: N_("Created a key"),
    Action.KEY_ROTATED: N_("Rotated a key"),
    Action.KEY_REVOKED: N_("Revoked a key"),
    Action.PII_USED: N_("Used a key that can see numbers"),
    Action.NUMBERS_SHOWN: N_("Had numbers shown in full"),
    Action.DOWNLOAD_BEGUN: N_("Began a download"),
    Action.DOWNLOAD_ENDED: N_("Finished a download"),
    Action.CALL_PLACED: N_("Placed a call by the form"),
    Action.NUMBER_VIEWED: N_("Saw a call's number"),
    Action.NUMBER_SOUGHT: N_("Looked for a number without seeing numbers"),
    Action.DELIVERY_REPLAYED: N_("Reprocessed a delivery"),
    Action.DELIVERY_REVIEWED: N_("Looked at a delivery"),
    Action.DELIVERIES_REPLAYED: N_("Reprocessed deliveries"),
    Action.CALL_RESOLVED: N_("Resolved a call"),
    Action.NUMBER_ERASED: N_("Erased a number"),
    Action.NUMBER_EXPORTED: N_("Exported a number's calls"),
    Action.NUMBER_SUPPRESSED: N_("Added a number to the do-not-call list"),
    Action.NUMBER_UNSUPPRESSED: N_("Removed a number from the do-not-call list"),
    Action.NUMBERS_IMPORTED: N_("Imported numbers to the do-not-call list"),
    Action.CAMPAIGN_CREATED: N_("Created a campaign"),
    Action.CAMPAIGN_CHANGED: N_("Changed a campaign"),
    Action.RECIPIENTS_IMPORTED: N_("Imported recipients of a campaign"),
    Action.DESTINATION_CREATED: N_("Created a destination"),
    Action.DESTINATION_CHANGED: N_("Changed a destination"),
    Action.DESTINATION_DELETED: N_("Deleted a destination"),
    Action.NOTIFICATIONS_REPLAYED: N_("Sent notifications again"),
    Action.OLD_FORGOTTEN: N_("Deleted expired data"),
    Action.INSTALLATION_CHECKED: N_("Checked the installation"),
}

SAW_MANY = (
    Action.PII_USED, Action.NUMBERS_SHOWN, Action.DOWNLOAD_BEGUN,
)  # fmt: skip
"""Deeds by which somebody may have seen any number, without a trace of which."""


class SubjectKind(NamedTuple):
    """What a deed can be done to: its table, the columns that name it, its page, and its words."""

    table: type[models.Table]
    columns: tuple[str, ...]
    endpoint: str
    argument: str
    words: Callable[[Sequence[Any], Reader], str]


_KEY = SubjectKind(
    models.ApiKey, ("name",), "pages_keys.show", "key_id",
    lambda row, _reader: _("the key %(name)s", name=row[0]),
)  # fmt: skip
_CALL = SubjectKind(
    models.Call, ("to_number", "created_at"), "pages_call.show", "call_id",
    lambda row, me: _(
        "the call to %(number)s of %(when)s",
        number=me.number(row[0]), when=f"{day(row[1])} {clock(row[1])}",
    ),
)  # fmt: skip
_DESTINATION = SubjectKind(
    models.Destination, ("url",), "pages_destinations.show", "destination_id",
    lambda row, _reader: str(row[0]),
)  # fmt: skip
_CAMPAIGN = SubjectKind(
    models.Campaign, ("name",), "pages_campaigns.show", "name",
    lambda row, _reader: _("the campaign %(name)s", name=row[0]),
)  # fmt: skip
_DELIVERY = SubjectKind(
    models.Delivery, ("received_at",), "pages_deliveries.show", "delivery_id",
    lambda row, _reader: _("the delivery of %(when)s", when=f"{day(row[0])} {clock(row[0])}"),
)  # fmt: skip

KINDS: dict[str, SubjectKind] = {
    **dict.fromkeys(
        (
            Action.SIGNED_IN, Action.KEY_CREATED, Action.KEY_ROTATED, Action.KEY_REVOKED,
            Action.PII_USED, Action.NUMBERS_SHOWN,
        ),
        _KEY,
    ),
    **dict.fromkeys((Action.CALL_PLACED, Action.NUMBER_VIEWED, Action.CALL_RESOLVED), _CALL),
    **dict.fromkeys(
        (
            Action.DESTINATION_CREATED, Action.DESTINATION_CHANGED, Action.DESTINATION_DELETED,
            Action.NOTIFICATIONS_REPLAYED,
        ),
        _DESTINATION,
    ),
    **dict.fromkeys(
        (Action.CAMPAIGN_CREATED, Action.CAMPAIGN_CHANGED, Action.RECIPIENTS_IMPORTED), _CAMPAIGN
    ),
    Action.DELIVERY_REPLAYED: _DELIVERY,
    Action.DELIVERY_REVIEWED: _DELIVERY,
}  # fmt: skip


class AuditLine(NamedTuple):
    """An entry as it is shown: the deed and what it was done to in words, and where that is."""

    row: models.Audit
    deed: str
    subject: str
    address: str
    facts: list[tuple[str, str]]


class Sought(NamedTuple):
    """What an address asks for; `number` is whose entries are wanted, None if only its name is."""

    wanted: AuditFilter
    number: str | None
    days: dict[str, str]
    wrong: dict[str, str]


@blueprint.get("/audit")
@needs(Scope.ADMIN)
def index() -> Response:
    """List what was done, newest first, with what each deed was done to."""
    sought = _sought(request.args)
    before = read_id(request.args, sought.wrong)
    found = [] if sought.wrong else audit.newest(PAGE + 1, before, wanted=sought.wanted)
    shown, older = cut(found, PAGE)
    return live(
        "audit.html",
        lines=describe(shown, reader()),
        sought=sought,
        deeds={action: deed(action) for action in sorted(DEEDS, key=deed)},
        saw_many=SAW_MANY,
        names=sorted({key.name for key in keys.all_keys()}),
        wrong=sought.wrong,
        older=older,
    )


@blueprint.post("/audit/number")
@needs(Scope.ADMIN)
def who_saw() -> Redirect:
    """Lead to the entries about a number; the address never holds it."""
    typed, sealed = request.form.get("number", "").strip()[:_LONGEST], ""
    try:
        number = number_meant(typed)
        sealed = seal_text(number, services().now(), services().encryption)
    except ObdtrackError as error:
        return redirect(url_for("pages_audit.index", no_number=error.code), 303)
    return redirect(url_for("pages_audit.index", number=sealed), 303)


@blueprint.get("/audit.csv", defaults={"form": "csv"})
@blueprint.get("/audit.xlsx", defaults={"form": "xlsx"})
@needs(Scope.ADMIN)
def download(form: str) -> Response:
    """Return the entries of the current filter as a table; that is noted itself."""
    sought, zone = _sought(request.args), current_zone()
    if sought.wrong:
        raise refusal(sought.wrong)
    name = file_name("audit", f"{zone.local(services().now()):%Y-%m-%d}")
    ended = audit.record_download(
        name, {"form": form, **_filter_in_words(sought)}, current_access(), services()
    )
    me, batches = reader(), audit.in_batches(sought.wanted, _BATCH)
    rows = (line for batch in batches for line in describe(batch, me))
    return table_response(TableFile(name, _columns(), zone.info), rows, form, ended)


def deed(action: str) -> str:
    """Say what was done; a word we do not know is shown without its dashes."""
    known = DEEDS.get(action)
    return _(known) if known else action.replace("-", " ")


def describe(rows: Sequence[models.Audit], me: Reader) -> list[AuditLine]:
    """Return entries as this reader may see them, with the names of what they are about."""
    named = _named(rows)
    key_names = {str(key.id): key.name for key in keys.all_keys()}
    lines = []
    for row in rows:
        kind, found = KINDS.get(row.action), named.get(row.subject)
        detail = {
            name: key_names.get(value, value) if isinstance(value, str) else value
            for name, value in row.detail.items()
        }
        if kind and found:
            values: dict[str, Any] = {kind.argument: found[0] if kind is _CAMPAIGN else row.subject}
            about = kind.words(found, me), url_for(kind.endpoint, **values)
        else:
            about = _unnamed(row, kind)
        lines.append(AuditLine(row, deed(row.action), *about, facts(detail)))
    return lines


def _named(rows: Sequence[models.Audit]) -> dict[str, Sequence[Any]]:
    """Return what names each subject that is still there, by its id; a question for each kind."""
    ids: dict[SubjectKind, list[UUID]] = {}
    for row in rows:
        if (kind := KINDS.get(row.action)) and (subject := _as_id(row.subject)):
            ids.setdefault(kind, []).append(subject)
    return {
        str(found[0]): found[1:]
        for kind, subjects in ids.items()
        for found in bulk_sql.fetch(
            kind.table, ("id", *kind.columns), "id", sorted(set(subjects)), order="id"
        )
    }


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _unnamed(row: models.Audit, kind: SubjectKind | None) -> tuple[str, str]:
    """Return what is said of a subject that has no name, or none any more, and where it leads."""
    if is_erased(row.subject):
        return _("a number"), url_for("pages_audit.index", person=row.subject)
    if kind is _CALL:
        subject = None if row.person else row.subject
        address = url_for("pages_audit.index", person=row.person, subject=subject)
        return _("a call that was deleted since"), address
    return row.subject, url_for("pages_audit.index", subject=row.subject)


def _sought(args: MultiDict[str, str]) -> Sought:
    wrong = misnamed(args, _KNOWN)
    since, until = read_days(args, current_zone(), wrong)
    who, what = args.get("who", "").strip(), args.get("what", "")
    if not is_plain(who) or len(who) > _LONGEST:
        wrong["who"] = _("That is nobody's name.")
    if what and what not in DEEDS:
        wrong["what"] = _("There is no such deed.")
    if args.get("no_number"):
        wrong["number"] = _(
            "That is no whole number, or several end so: write it like +918867135001."
        )
    number = _number(args, wrong)
    wanted = entries_about(number, services()) if number else AuditFilter()
    if (person := args.get("person")) and number is None:
        if not is_erased(person):
            wrong["person"] = _("There is no such person.")
        wanted = wanted._replace(person=person)
    wanted = wanted._replace(
        actor=who or None,
        action=what or None,
        subject=args.get("subject") or None,
        since=since,
        until=until,
    )
    days = {name: args.get(name, "") for name in ("from", "to")}
    return Sought(wanted, number, days, wrong)


def _number(args: MultiDict[str, str], wrong: dict[str, str]) -> str | None:
    """Return whose entries are wanted: by a number that the address holds sealed, or by a call."""
    if sealed := args.get("number"):
        number = open_text(sealed, services().now(), services().encryption)
        if number is None:
            wrong["number"] = _("This search has expired: enter the number again.")
        return number
    if call_id := args.get("number_of"):
        call = queries.find(call_id)
        if call is None:
            wrong["number_of"] = _("There is no call with this id.")
        return call.to_number if call else None
    return None


def _filter_in_words(sought: Sought) -> dict[str, str]:
    wanted = sought.wanted
    said = {
        "who": wanted.actor,
        "what": wanted.action,
        "about": wanted.person or wanted.subject,
        "since": wanted.since and to_text(wanted.since),
        "until": wanted.until and to_text(wanted.until),
    }
    return {name: text for name, text in said.items() if text}


def _columns() -> list[TableColumn]:
    def at(line: AuditLine) -> datetime:
        return line.row.recorded_at

    return [
        TableColumn(_("When"), at, of_times=True),
        TableColumn(_("Who"), lambda line: line.row.actor),
        TableColumn(_("Did what"), lambda line: line.deed),
        TableColumn(_("To what"), lambda line: line.subject),
        TableColumn(_("More"), lambda line: "; ".join(f"{n} {v}" for n, v in line.facts)),
        TableColumn(_("Subject's id"), lambda line: line.row.subject),
        TableColumn(_("Person"), lambda line: line.row.person),
    ]


_KNOWN = {
    *CHOICES, "who", "what", "from", "to", "number", "number_of", "person", "subject", "no_number",
    "before",
}  # fmt: skip
