"""The words, shapes and tones in which statuses, outcomes, reasons and sources are shown."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from obdtrack.domain.campaign import CampaignState
from obdtrack.domain.destination import DestinationState, NotificationStatus
from obdtrack.domain.status import FINAL, NEEDS_ATTENTION, Outcome, Source, Status


class Look(NamedTuple):
    """A word, the shape beside it, its tone, and what it means. Never by colour alone."""

    word: str
    shape: str
    tone: str
    meaning: str


STATUS: dict[str, Look] = {
    Status.SUBMITTING: Look("Submitting", "arrow", "wait", "The request is on its way."),
    Status.QUEUED: Look("Queued", "clock", "wait", "Accepted by the provider; no report yet."),
    Status.COMPLETED: Look("Answered", "check", "good", "The call was answered."),
    Status.BUSY: Look("Busy", "bar", "miss", "The line was busy."),
    Status.NO_ANSWER: Look("No answer", "ring", "miss", "It rang, and nobody answered."),
    Status.CANCELED: Look("Canceled", "slash", "miss", "Ended before anybody picked up."),
    Status.FAILED: Look("Failed", "cross", "bad", "The call did not get through."),
    Status.REJECTED: Look("Rejected", "stop", "bad", "Not placed: no phone rang."),
    Status.UNKNOWN: Look(
        "Unknown", "question", "doubt", "Sent, but no response came: it may ring."
    ),
    Status.UNRESOLVED: Look(
        "Unresolved", "alert", "doubt", "No report came, and polling found no outcome."
    ),
    Status.SKIPPED: Look("Skipped", "skip", "miss", "Left out by us: nothing was sent."),
}

CAMPAIGN: dict[str, Look] = {
    CampaignState.DRAFT: Look("Draft", "slash", "miss", "Nobody is called yet."),
    CampaignState.CHECKED: Look("Checked", "check", "wait", "It can be started."),
    CampaignState.SCHEDULED: Look("Scheduled", "clock", "wait", "It starts by itself."),
    CampaignState.RUNNING: Look("Running", "arrow", "wait", "It calls."),
    CampaignState.PAUSING: Look("Pausing", "bar", "doubt", "Nothing more is sent."),
    CampaignState.PAUSED: Look("Paused", "bar", "doubt", "It waits until it is resumed."),
    CampaignState.STOPPING: Look("Stopping", "stop", "miss", "Nothing more is sent."),
    CampaignState.STOPPED: Look("Stopped", "stop", "miss", "Ended before everybody was called."),
    CampaignState.COMPLETED: Look("Completed", "check", "good", "Nobody is left to be called."),
    CampaignState.FAILED: Look("Failed", "cross", "bad", "It cannot go on."),
}

OUTCOME: dict[str, Look] = {
    Outcome.RECEIVED: Look("Received", "check", "wait", "Stored; it is not about a call."),
    Outcome.MATCHED: Look("Matched", "check", "good", "It is on its call's timeline."),
    Outcome.DUPLICATE: Look(
        "Duplicate", "twice", "miss", "A repeat of a report we already had; counted."
    ),
    Outcome.UNMATCHED: Look(
        "Unmatched", "question", "doubt", "It cannot be matched to a call with certainty."
    ),
    Outcome.UNREADABLE: Look("Unreadable", "alert", "bad", "No report could be read from it."),
    Outcome.IGNORED: Look("Ignored", "slash", "miss", "Not for us, or nothing that we use."),
    Outcome.CHALLENGE: Look("Challenge", "arrow", "wait", "The provider tested the webhook."),
    Outcome.FAILED: Look("Failed", "cross", "bad", "Stored, but processing it failed."),
    Outcome.REJECTED: Look("Rejected", "stop", "bad", "It carried a wrong secret."),
}

DESTINATION: dict[str, Look] = {
    DestinationState.ACTIVE: Look("Active", "check", "good", "It is told what happens."),
    DestinationState.PAUSED: Look("Paused", "bar", "doubt", "It is sent nothing until resumed."),
    DestinationState.DISABLED: Look("Disabled", "stop", "bad", "It was disabled by itself."),
}
FAILING = Look("Failing", "alert", "doubt", "It does not take what it is sent, and is tried again.")

NOTIFICATION: dict[str, Look] = {
    NotificationStatus.PENDING: Look("Pending", "clock", "wait", "To be sent, or tried again."),
    NotificationStatus.DELIVERED: Look("Delivered", "check", "good", "It was taken."),
    NotificationStatus.FAILED: Look("Failed", "cross", "bad", "It is not tried again by itself."),
}


class Group(NamedTuple):
    """A word for several statuses together, and which they are, for people."""

    word: str
    statuses: frozenset[str]
    meaning: str


GROUP: dict[str, Group] = {
    "ended": Group("Ended", FINAL, "Answered, busy, no answer, canceled or failed"),
    "not-answered": Group(
        "Not answered", FINAL - {Status.COMPLETED}, "Busy, no answer, canceled or failed"
    ),
    "in-doubt": Group(
        "Needs attention", NEEDS_ATTENTION, "Unknown or unresolved: someone has to look at it"
    ),
    "waiting": Group(
        "Waiting",
        frozenset({Status.QUEUED, Status.SUBMITTING}),
        "Queued or submitting: not finished yet",
    ),
}
"""What figures are called on every page. With `rejected` and `skipped`, each call is in one of the
last three or has ended."""

SOURCE: dict[str, str] = {
    Source.API: "the provider's response",
    Source.WEBHOOK: "a report",
    Source.POLL: "polling the provider",
    Source.PERSON: "a person",
    Source.SYSTEM: "obdtrack",
}

SOURCE_SHORT: dict[str, str] = {
    Source.API: "response",
    Source.WEBHOOK: "report",
    Source.POLL: "poll",
    Source.PERSON: "person",
    Source.SYSTEM: "obdtrack",
}

REASON: dict[str, str] = {
    "provider-unreachable": "the provider could not be reached",
    "not-accepted": "the provider accepted other numbers of the list, and not this one",
    "not-listed": "the provider's response does not say what became of this number of the list",
    "opted-out": "the number is on the do-not-call list",
    "called-recently": "the same call was placed moments before",
    "not-sent": "obdtrack was stopped before it could send the request, which never left",
    "invalid-token": "the provider did not accept our access token",
    "forbidden": "the provider does not allow it",
    "not-found": "the provider did not find what was requested",
    "invalid-request": "the provider found the request invalid",
    "insufficient-balance": "the balance at the provider is too low",
    "rate-limited": "we send the provider requests too often",
    "conflict": "the provider reported a conflict",
    "refused": "the provider refused it",
    "redirected": "the provider redirected us instead of responding",
    "timeout": "the provider's response did not come in time",
    "connection-lost": "the connection was lost before the response came",
    "provider-error": "the provider responded with an error",
    "unreadable-answer": "the provider's response could not be read",
    "answer-too-large": "the provider's response was too large",
    "answer-without-id": "the provider's response named no call",
    "id-given-twice": "the provider's response gave one id to two calls",
    "other-number": "the id is this call's, and the number is another",
    "internal-error": "something went wrong on our side",
    "interrupted": "obdtrack was stopped while it waited for the response",
    "declared-not-placed": "a person said that no phone rang",
    "placed-again": "someone placed it again, as a new call",
    "not-forwarded": "it reached the flow and was not passed on",
    "agent-missed": "it reached the flow, and no agent took it",
    "congestion": "no route, or congestion in the network",
    "channel-unavailable": "the channel was not available",
    "attached": "the provider's id for it was found",
    "no-report": "the last deadline passed without a report",
    "test-report-missing": "the test report did not come back",
}


def status_look(status: str) -> Look:
    """Return how a status is shown; one we do not know is shown as it is."""
    return STATUS.get(status) or Look(status, "question", "doubt", "A status we do not know.")


def campaign_look(state: str) -> Look:
    """Return how the state of a campaign is shown."""
    return CAMPAIGN[state]


def destination_look(state: str, failing_since: datetime | None) -> Look:
    """Return how the state of a destination is shown, which may be failing since then."""
    return FAILING if failing_since and state == DestinationState.ACTIVE else DESTINATION[state]


def notification_look(status: str) -> Look:
    """Return how the status of a notification is shown."""
    return NOTIFICATION[status]


def outcome_look(outcome: str) -> Look:
    """Return how a delivery's outcome is shown."""
    return OUTCOME.get(outcome) or Look(outcome, "question", "doubt", "A status we do not know.")


def source_word(source: str, status: str) -> str:
    """Say in a word how a status is known."""
    return "not known" if status == Status.UNKNOWN else SOURCE_SHORT.get(source, source)


def reason_text(reason: str | None) -> str:
    """Say a reason in words; one we do not know is shown without its dashes."""
    return REASON.get(reason or "") or (reason or "").replace("-", " ")
