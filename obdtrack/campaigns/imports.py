"""Imports a list of recipients into a campaign: once, however often and however far it came before.

Rows are stored in short transactions, each with the totals and how far the import is. An import
that died half-way goes on where it stopped when the same file comes again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import islice
from typing import IO, Any, NamedTuple
from uuid import UUID

import phonenumbers

from obdtrack.access import audit
from obdtrack.access.audit import Action, Actor
from obdtrack.campaigns import campaigns, totals
from obdtrack.campaigns.mapping import (
    TO,
    Problem,
    ReadRecipient,
    RowReader,
    guessed,
    resolved,
)
from obdtrack.campaigns.recipient_files import (
    FileOptions,
    RecipientTable,
    read_file,
)
from obdtrack.domain.campaign import CampaignAction, RecipientStatus
from obdtrack.domain.progress import Watcher, WorkDone, unwatched
from obdtrack.domain.texts import Said
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services, new_id
from obdtrack.store import bulk_sql, models
from obdtrack.store.columns import dumps, to_id
from obdtrack.store.database_errors import repeated

BATCH = 200
"""Rows stored in one transaction, so that reports wait for milliseconds at most."""

PREVIEWED = 20
MOST_LISTED = 1000
"""Errors in the response to an import; the rest is among the recipients."""

_COLUMNS = (
    "id", "campaign_id", "import_id", "row", "to_number", "reference", "metadata",
    "variables_encrypted", "status", "problem", "due_at", "tries",
)  # fmt: skip


class ImportOptions(NamedTuple):
    """How a file is to be read: `mapping` is of columns by what they are, {}: guess it."""

    mapping: Mapping[str, str]
    country: str | None = None
    file: FileOptions = FileOptions()


class Opened(NamedTuple):
    """A file that was read, what its columns are, and what reads its rows."""

    table: RecipientTable
    mapping: dict[str, str]
    reader: RowReader


def preview(
    campaign: models.Campaign, file: IO[bytes], kind: str, options: ImportOptions
) -> dict[str, Any]:
    """Return what a file's columns are taken for, and its first rows; nothing is stored.

    Raises ObdtrackError (invalid) as `import_file` does, but for a missing column of numbers.
    """
    table = read_file(file, kind, options.file)
    mapping = _mapping(table, campaign, options)
    shown: dict[str, Any] = {
        "columns": table.columns,
        "mapping": mapping,
        **_said(table, mapping),
        "rows": table.count,
        "first": [],
    }
    if TO in mapping:
        reader = _reader(table, mapping, campaign, options)
        shown["first"] = [_previewed(reader.read(row)) for row in islice(table.rows(), PREVIEWED)]
    return shown


def import_file(
    campaign_id: UUID,
    file: IO[bytes],
    kind: str,
    options: ImportOptions,
    actor: Actor,
    services: Services,
    watch: Watcher = unwatched,
) -> tuple[dict[str, Any], bool]:
    """Store a file's rows as recipients; returns what came of it, and whether that was before.

    The same file with the same options is one import, whoever sends it and whenever. Raises
    ObdtrackError: invalid for a file or a column that cannot be read with certainty, conflict in a
    state in which nothing may be imported, or if the same file is being imported elsewhere.
    """
    campaign = campaigns.find(str(campaign_id))
    if campaign is None:
        raise ObdtrackError(
            Code.NOT_FOUND, Said("There is no campaign %(campaign_id)s.", campaign_id=campaign_id)
        )
    digest = _digest(file, kind, options, services)
    known = _known(campaign_id, digest)
    if known and known.completed_at:
        return result_of(known), True
    campaigns.require_allowed(campaign, CampaignAction.EDIT)
    table = read_file(file, kind, options.file)
    mapping = _mapping(table, campaign, options)
    reader = _reader(table, mapping, campaign, options)
    said = {"mapping": mapping, **_said(table, mapping)}
    kept = known or _begin(campaign_id, digest, said, actor, services)
    progress = kept.result
    rows = table.rows(progress["rows"])
    while batch := list(islice(rows, BATCH)):
        progress = _store(kept, list(map(reader.read, batch)), progress, services)
        watch(WorkDone("rows", progress["rows"], table.count))
    return result_of(_complete(kept, progress, actor, services)), False


def require_complete(campaign_id: UUID) -> None:
    """Raise ObdtrackError (conflict) if an import into this campaign has not come to its end."""
    row = models.RecipientImport
    begun = row.select().where((row.campaign_id == campaign_id) & row.completed_at.is_null())
    if begun.exists():
        raise ObdtrackError(
            Code.CONFLICT,
            "An import has not come to its end. Send the same file again to complete it.",
        )


def result_of(kept: models.RecipientImport) -> dict[str, Any]:
    """Return what came of an import as the API shows it, with the first errors and duplicates."""
    return {
        "id": kept.id,
        "campaign_id": kept.campaign_id,
        **kept.result,
        "errors": _listed(kept, RecipientStatus.INVALID),
        "duplicates": _listed(kept, RecipientStatus.DUPLICATE),
    }


def _digest(file: IO[bytes], kind: str, options: ImportOptions, services: Services) -> str:
    content = sha256()
    file.seek(0)
    while part := file.read(2**20):
        content.update(part)
    said = [content.hexdigest(), kind, options.mapping, options.country, *options.file]
    return services.encryption.fingerprint(dumps(said).encode())


def _known(campaign_id: UUID, digest: str) -> models.RecipientImport | None:
    row = models.RecipientImport
    return row.get_or_none((row.campaign_id == campaign_id) & (row.digest == digest))


def _mapping(
    table: RecipientTable, campaign: models.Campaign, options: ImportOptions
) -> dict[str, str]:
    """Return what columns are: as it was said, or else as it is guessed.

    Where the numbers are is guessed even if the rest was said.
    """
    first = list(islice(table.rows(), PREVIEWED))
    guess = guessed(table.columns, first, campaign.plan["variables"], options.country)
    numbers = {TO: guess[TO]} if TO in guess else {}
    return {**numbers, **options.mapping} if options.mapping else guess


def _reader(
    table: RecipientTable,
    mapping: Mapping[str, str],
    campaign: models.Campaign,
    options: ImportOptions,
) -> RowReader:
    country = options.country
    if country and country not in phonenumbers.SUPPORTED_REGIONS:
        sentence = f"{country!r} is no country; write it in two letters, like IN."
        raise ObdtrackError(
            Code.INVALID, "Some fields are invalid.", fields={"default_country": [sentence]}
        )
    return RowReader(
        table.columns,
        resolved(mapping, table.columns),
        defaults=campaign.plan["variables"],
        country=country,
        is_wide=table.is_wide,
    )


def _said(table: RecipientTable, mapping: Mapping[str, str]) -> dict[str, Any]:
    """Return what of a file is not used, so that nothing is dropped unsaid."""
    used = {name.strip().casefold() for name in mapping.values()}
    return {
        "unused_columns": [name for name in table.columns if name.casefold() not in used],
        "empty_rows": table.empty_rows,
        "sheets_not_read": list(table.sheets_not_read),
    }


def _previewed(read: ReadRecipient) -> dict[str, Any]:
    return {
        "row": read.row,
        "to": read.to,
        "reference": read.reference,
        "variables": read.variables,
        "metadata": read.metadata or None,
        "errors": [{"row": read.row, **problem._asdict()} for problem in read.problems],
    }


@repeated
def _begin(
    campaign_id: UUID, digest: str, said: Mapping[str, Any], actor: Actor, services: Services
) -> models.RecipientImport:
    """Store that an import has begun; from now on what was checked is not what would be called."""
    row, counts = models.RecipientImport, {"rows": 0, "ready": 0, "invalid": 0, "duplicate": 0}
    with services.store.write():
        campaign = campaigns.locked(campaign_id)
        if found := _known(campaign_id, digest):
            return found
        kept = row.create(
            force_insert=True,
            id=new_id(),
            campaign_id=campaign_id,
            digest=digest,
            created_at=services.now(),
            result={**counts, "empty_cells": {}, **said},
        )
        detail = {"import": str(kept.id)}
        campaigns.change(campaign, CampaignAction.EDIT, actor, services, detail=detail)
    return kept


@repeated
def _store(
    kept: models.RecipientImport,
    read: Sequence[ReadRecipient],
    progress: Mapping[str, Any],
    services: Services,
) -> dict[str, Any]:
    """Store some rows, if the import is where `progress` says; returns how far it is then."""
    row, seal = models.RecipientImport, services.encryption.seal
    sealed = [seal(one.variables) if one.variables and not one.problems else None for one in read]
    with services.store.write():
        campaign = campaigns.locked(kept.campaign_id)
        campaigns.require_allowed(campaign, CampaignAction.EDIT)
        if row.get_by_id(kept.id).result != progress:
            raise ObdtrackError(
                Code.CONFLICT, "The same file is being imported by another request.", retry_after=5
            )
        before = _first_rows(kept, [one.to for one in read if one.to and not one.problems])
        rows = list(_rows(kept, zip(read, sealed, strict=True), before))
        statuses = Counter(columns[_COLUMNS.index("status")] for columns in rows)
        empty = Counter(progress["empty_cells"]) + Counter(c for one in read for c in one.empty)
        further = {
            **progress,
            "rows": progress["rows"] + len(rows),
            "ready": progress["ready"] + statuses[RecipientStatus.SCHEDULED],
            "invalid": progress["invalid"] + statuses[RecipientStatus.INVALID],
            "duplicate": progress["duplicate"] + statuses[RecipientStatus.DUPLICATE],
            "empty_cells": dict(empty),
        }
        bulk_sql.insert(models.Recipient, _COLUMNS, rows)
        totals.count(kept.campaign_id, statuses)
        row.update(result=further).where(row.id == kept.id).execute()
    return further


def _first_rows(kept: models.RecipientImport, numbers: Sequence[str]) -> dict[str, str]:
    """Return where those of these numbers stand already that the campaign has."""
    store = models.Recipient._meta.database
    marks = ", ".join([f"({store.param})"] * len(numbers))
    sql = _FIND_EACH.format(marks=marks, mark=store.param)
    ids = store.execute_sql(sql, [kept.campaign_id.bytes, *numbers]).fetchall() if numbers else ()
    columns, found = ("to_number", "row", "import_id"), [to_id(own) for (own,) in ids if own]
    return {
        number: f"row {place}" if import_id == kept.id else f"row {place} of an earlier file"
        for number, place, import_id in bulk_sql.fetch(
            models.Recipient, columns, "id", found, order="id"
        )
    }


# Number by number: a planner that has not counted yet would read the whole list for each batch.
_FIND_EACH = """SELECT (SELECT id FROM recipients WHERE campaign_id = {mark}
    AND to_number = wanted.column1 AND status <> 'duplicate' LIMIT 1)
FROM (VALUES {marks}) AS wanted"""


def _rows(
    kept: models.RecipientImport,
    read: Iterator[tuple[ReadRecipient, bytes | None]],
    before: dict[str, str],
) -> Iterator[tuple[Any, ...]]:
    """Return the columns of recipients; `before` is where numbers stand, and is added to."""
    mapping: Mapping[str, str] = kept.result["mapping"]
    for one, sealed in read:
        status, problems = RecipientStatus.SCHEDULED, one.problems
        if problems:
            status = RecipientStatus.INVALID
        elif one.to in before:
            status = RecipientStatus.DUPLICATE
            problems = (Problem(mapping[TO], one.to, f"the same number as {before[one.to]}"),)
        elif one.to:
            before[one.to] = f"row {one.row}"
        is_ready = status is RecipientStatus.SCHEDULED
        yield (
            new_id(),
            kept.campaign_id,
            kept.id,
            one.row,
            None if status is RecipientStatus.INVALID else one.to,
            one.reference,
            one.metadata or None,
            sealed if is_ready else None,
            status,
            [problem._asdict() for problem in problems] or None,
            kept.created_at,
            0,
        )


@repeated
def _complete(
    kept: models.RecipientImport, progress: Mapping[str, Any], actor: Actor, services: Services
) -> models.RecipientImport:
    row, at = models.RecipientImport, services.now()
    with services.store.write():
        pending = (row.id == kept.id) & row.completed_at.is_null()
        if row.update(completed_at=at).where(pending).execute():
            counts = {name: progress[name] for name in ("rows", "ready", "invalid", "duplicate")}
            detail = {"import": str(kept.id), **counts}
            audit.record(Action.RECIPIENTS_IMPORTED, kept.campaign_id, actor, services, detail)
    found: models.RecipientImport = row.get_by_id(kept.id)
    return found


def _listed(kept: models.RecipientImport, status: RecipientStatus) -> list[dict[str, Any]]:
    row = models.Recipient
    theirs = (row.campaign_id == kept.campaign_id) & (row.status == status)
    query = (
        row.select(row.row, row.problem)
        .where(theirs & (row.due_at == kept.created_at) & (row.import_id == kept.id))
        .order_by(row.due_at, row.id)
        .limit(MOST_LISTED)
    )
    found: Any = query.tuples()
    listed = [{"row": number, **problem} for number, some in found for problem in some]
    return listed[:MOST_LISTED]
