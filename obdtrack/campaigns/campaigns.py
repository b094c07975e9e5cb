"""Campaigns as they are stored: created, found, edited, and moved from state to state."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from peewee import SQL, fn

from obdtrack.access import audit
from obdtrack.access.audit import Action, Actor
from obdtrack.campaigns.totals import totals_of
from obdtrack.domain.campaign import (
    CHANGES,
    ENDED,
    CampaignAction,
    CampaignPlan,
    CampaignState,
    Retries,
    StopIf,
    allowed_actions,
    wrong_with,
)
from obdtrack.domain.feed import EventType, FeedEvent
from obdtrack.domain.texts import Said
from obdtrack.domain.times import from_text, to_text
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services, new_id
from obdtrack.settings import read_window
from obdtrack.statistics import questions
from obdtrack.store import bulk_sql, models
from obdtrack.store.database_errors import repeated
from obdtrack.store.encryption import Encryption

_NAME_TAKEN = "There is a campaign of this name already, or there are calls of it."
_FINAL_NAME = "A campaign that was started keeps its name: its calls are known by it."

_TOLD: Mapping[CampaignState, EventType] = {
    CampaignState.PAUSED: EventType.CAMPAIGN_PAUSED,
    CampaignState.STOPPED: EventType.CAMPAIGN_STOPPED,
    CampaignState.FAILED: EventType.CAMPAIGN_STOPPED,
    CampaignState.COMPLETED: EventType.CAMPAIGN_COMPLETED,
}
"""What is told of a campaign that comes to stand so."""


def find(identifier: str) -> models.Campaign | None:
    """Return a campaign by its id or its name."""
    if not identifier.isprintable():
        return None
    campaign = models.Campaign
    try:
        here = (campaign.id == UUID(identifier)) | (campaign.name == identifier)
    except ValueError:
        here = campaign.name == identifier
    found: models.Campaign | None = campaign.select().where(here).first()
    return found


def newest(limit: int, before: UUID | None = None) -> list[models.Campaign]:
    """List campaigns, newest first, at most `limit`, older than `before`."""
    campaign = models.Campaign
    query = campaign.select().order_by(campaign.id.desc()).limit(limit)
    return list(query if before is None else query.where(campaign.id < before))


def without_calls(limit: int) -> list[models.Campaign]:
    """List the newest campaigns of which no call was made yet."""
    campaign, named = models.Campaign, models.CampaignName
    called = fn.EXISTS(named.select(SQL("1")).where(named.name == campaign.name))
    return list(campaign.select().where(~called).order_by(campaign.id.desc()).limit(limit))


def named(names: Collection[str]) -> dict[str, models.Campaign]:
    """Return the campaigns with these names that have a plan, by name."""
    campaign = models.Campaign
    return {one.name: one for one in campaign.select().where(campaign.name.in_(list(names)))}


def refuse_name_of_campaign(name: str | None) -> None:
    """Raise ObdtrackError (invalid) if a call would carry the name of a campaign's calls."""
    if name and bulk_sql.fetch(models.Campaign, ("id",), "name", [name], order="id"):
        raise _invalid({"name": ["This is a campaign's name: only the campaign's calls have it."]})


@repeated
def create(name: str, plan: CampaignPlan, actor: Actor, services: Services) -> UUID:
    """Store a campaign as a draft and return its id.

    Raises ObdtrackError (invalid) naming the fields of the plan that are wrong, or the name if
    another campaign, or any call, has it.
    """
    _require_right(plan, services)
    now, campaign_id = services.now(), new_id()
    with services.store.write():
        _require_free(name)
        models.Campaign.insert(
            id=campaign_id,
            name=name,
            state=CampaignState.DRAFT,
            created_at=now,
            changed_at=now,
            key_id=actor.key_id,
            **_columns(plan, services.encryption),
        ).execute()
        detail = {"name": name, "plan": plan_json(plan)}
        audit.record(Action.CAMPAIGN_CREATED, campaign_id, actor, services, detail)
    return campaign_id


@repeated
def edit(
    campaign_id: UUID,
    changes: Mapping[str, Any],
    actor: Actor,
    services: Services,
    name: str | None = None,
) -> None:
    """Change fields of a campaign's plan, or its name; one that was checked is a draft again.

    Raises ObdtrackError: conflict in a state in which nothing may be edited, invalid as `create`.
    """
    with services.store.write():
        campaign = locked(campaign_id)
        require_allowed(campaign, CampaignAction.EDIT)
        plan = replace(plan_of(campaign, services.encryption), **changes)
        _require_right(plan, services)
        columns = _columns(plan, services.encryption)
        if name is not None and name != campaign.name:
            if campaign.started_at is not None:
                raise _invalid({"name": [_FINAL_NAME]})
            _require_free(name)
            columns["name"] = name
        shown = plan_json(plan)
        detail = {key: value for key, value in shown.items() if value != campaign.plan.get(key)}
        if "name" in columns:
            detail["name"] = name
        change(campaign, CampaignAction.EDIT, actor, services, detail=detail, **columns)


def locked(campaign_id: UUID) -> models.Campaign:
    """Return a campaign, locked until the transaction ends where the database can do that.

    Raises ObdtrackError (not found) if it is gone.
    """
    campaign = models.Campaign
    query = campaign.select().where(campaign.id == campaign_id)
    found: models.Campaign | None = (
        query.for_update() if campaign._meta.database.for_update else query
    ).first()
    if found is None:
        raise ObdtrackError(
            Code.NOT_FOUND, Said("There is no campaign %(campaign_id)s.", campaign_id=campaign_id)
        )
    return found


def require_allowed(campaign: models.Campaign, action: CampaignAction) -> CampaignState:
    """Return the state after `action`; ObdtrackError (conflict) naming what is allowed instead."""
    state = CampaignState(campaign.state)
    after = CHANGES[action].get(state)
    if after is None:
        allowed = ", ".join(allowed_actions(state))
        instead = f"allowed now: {allowed}" if allowed else "it has ended"
        raise ObdtrackError(
            Code.CONFLICT,
            Said(
                "This campaign is %(state)s: %(action)s is not allowed; %(instead)s.",
                state=state,
                action=action,
                instead=instead,
            ),
        )
    return after


def change(
    campaign: models.Campaign,
    action: CampaignAction,
    actor: Actor,
    services: Services,
    *,
    reason: str | None = None,
    detail: Mapping[str, Any] | None = None,
    **columns: Any,
) -> CampaignState:
    """Move a campaign (`locked`) on by the table; audit who did it, when and why, and tell of it.

    `columns` are set with it, also in `campaign`. Within a transaction. Raises ObdtrackError
    (conflict) as `require_allowed`.
    """
    before, after, now = campaign.state, require_allowed(campaign, action), services.now()
    was = {"state": before, "reason": campaign.reason}
    if after is CampaignState.RUNNING and campaign.started_at is None:
        columns["started_at"] = now
    if after in ENDED:
        columns["ended_at"] = now
    if action is CampaignAction.EDIT:
        columns |= {"checked": None, "told_at": None}
    columns |= {"state": after, "reason": reason, "changed_at": now}
    row = models.Campaign
    row.update(**columns).where(row.id == campaign.id).execute()
    for name, value in columns.items():
        setattr(campaign, name, value)
    noted = {"action": action, "before": before, "after": after, "reason": reason}
    audit.record(Action.CAMPAIGN_CHANGED, campaign.id, actor, services, {**noted, **(detail or {})})
    if told := _event_type(before, campaign, begins="started_at" in columns):
        services.tell(_events(told, campaign, was))
    return after


def _event_type(before: str, campaign: models.Campaign, *, begins: bool) -> EventType | None:
    """Return what is told of a campaign that stood so before; it `begins` if it runs at last."""
    if before == campaign.state:
        return None
    if campaign.state == CampaignState.RUNNING:
        return EventType.CAMPAIGN_STARTED if begins else EventType.CAMPAIGN_RESUMED
    if campaign.state == CampaignState.SCHEDULED and campaign.started_at is None:
        # It was paused before it began, and waits for its time again.
        return EventType.CAMPAIGN_RESUMED if before == CampaignState.PAUSED else None
    return _TOLD.get(CampaignState(campaign.state))


def _events(
    event_type: EventType, campaign: models.Campaign, was: Mapping[str, Any]
) -> Iterator[FeedEvent]:
    shown = campaign_view(campaign)
    changed = {name: value for name, value in was.items() if value != shown[name]}
    yield FeedEvent(
        new_id(), event_type, campaign.changed_at, campaign.id, campaign.id, shown, changed
    )


def plan_json(plan: CampaignPlan) -> dict[str, Any]:
    """Return a plan as it is stored and shown, with the names of variables but not their values."""
    hours, shown = (
        plan.calling_window,
        {
            "bridge": plan.bridge,
            "flow_id": plan.flow_id,
            "audio": plan.audio,
            "variables": sorted(plan.variables),
            "per_minute": plan.per_minute,
            "max_in_flight": plan.max_in_flight,
            "numbers_per_request": plan.numbers_per_request,
            "interval": plan.interval,
            "retries": plan.retries and {**plan.retries._asdict(), "on": list(plan.retries.on)},
            "start_at": plan.start_at and to_text(plan.start_at),
            "end_at": plan.end_at and to_text(plan.end_at),
            "calling_window": None,
            "at_window_end": plan.at_window_end,
            "budget": None if plan.budget is None else str(plan.budget),
            "stop_if": plan.stop_if and plan.stop_if._asdict(),
            "call_type": plan.call_type,
        },
    )
    if hours:
        shown["calling_window"] = f"{hours[0]:%H:%M}-{hours[1]:%H:%M}"
    return shown


def plan_of(campaign: models.Campaign, encryption: Encryption) -> CampaignPlan:
    """Return a campaign's plan, with the values of its variables.

    Raises ValueError if another key sealed those.
    """
    kept, sealed = dict(campaign.plan), campaign.variables_encrypted
    retries, stop_if, window = (kept[name] for name in ("retries", "stop_if", "calling_window"))
    return CampaignPlan(
        **{
            **kept,
            "variables": encryption.open(sealed) if sealed else {},
            "retries": retries and Retries(**{**retries, "on": tuple(retries["on"])}),
            "start_at": kept["start_at"] and from_text(kept["start_at"]),
            "end_at": kept["end_at"] and from_text(kept["end_at"]),
            "calling_window": window and read_window(window),
            "budget": None if kept["budget"] is None else Decimal(kept["budget"]),
            "stop_if": stop_if and StopIf(**stop_if),
        }
    )


def campaign_view(campaign: models.Campaign) -> dict[str, Any]:
    """Return a campaign as the API shows it."""
    return {
        "id": campaign.id,
        "name": campaign.name,
        "state": campaign.state,
        "reason": campaign.reason,
        "allowed": allowed_actions(CampaignState(campaign.state)),
        **campaign.plan,
        "totals": totals_of(campaign),
        "checked": campaign.checked,
        "created_at": to_text(campaign.created_at),
        "changed_at": to_text(campaign.changed_at),
        "started_at": campaign.started_at and to_text(campaign.started_at),
        "ended_at": campaign.ended_at and to_text(campaign.ended_at),
    }


def _columns(plan: CampaignPlan, encryption: Encryption) -> dict[str, Any]:
    sealed = encryption.seal(plan.variables) if plan.variables else None
    return {"plan": plan_json(plan), "variables_encrypted": sealed}


def _require_right(plan: CampaignPlan, services: Services) -> None:
    allowed = services.settings.hours_of(plan.call_type)
    if wrong := wrong_with(plan, allowed, services.provider.intervals):
        raise _invalid(wrong)


def _require_free(name: str) -> None:
    taken = models.Campaign.select().where(models.Campaign.name == name).exists()
    if taken or questions.is_campaign(name):
        raise _invalid({"name": [_NAME_TAKEN]})


def _invalid(fields: Mapping[str, list[str]]) -> ObdtrackError:
    return ObdtrackError(Code.INVALID, "Some fields are invalid.", fields=fields)
