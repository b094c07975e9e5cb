"""The words, shapes and tones in which statuses, outcomes, reasons and sources are shown."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from obdtrack.domain.campaign import CampaignState
from obdtrack.domain.destination import DestinationState, NotificationStatus
from obdtrack.domain.status import FINAL, NEEDS_ATTENTION, Outcome, Source, Status
from obdtrack.web.pages.language import N_, gettext


class Look(NamedTuple):
    """A word, the shape beside it, its tone, and what it means. Never by colour alone."""

    word: str
    shape: str
    tone: str
    meaning: str


STATUS: dict[str, Look] = {
    Status.SUBMITTING: Look(N_("Submitting"), "arrow", "wait", N_("The request is on its way.")),
    Status.QUEUED: Look(
        N_("Queued"), "clock", "wait", N_("Accepted by the provider; no report yet.")
    ),
    Status.COMPLETED: Look(N_("Answered"), "check", "good", N_("The call was answered.")),
    Status.BUSY: Look(N_("Busy"), "bar", "miss", N_("The line was busy.")),
    Status.NO_ANSWER: Look(N_("No answer"), "ring", "miss", N_("It rang, and nobody answered.")),
    Status.CANCELED: Look(N_("Canceled"), "slash", "miss", N_("Ended before anybody picked up.")),
    Status.FAILED: Look(N_("Failed"), "cross", "bad", N_("The call did not get through.")),
    Status.REJECTED: Look(N_("Rejected"), "stop", "bad", N_("Not placed: no phone rang.")),
    Status.UNKNOWN: Look(
        N_("Unknown"), "question", "doubt", N_("Sent, but no response came: it may ring.")
    ),
    Status.UNRESOLVED: Look(
        N_("Unresolved"), "alert", "doubt", N_("No report came, and polling found no outcome.")
    ),
    Status.SKIPPED: Look(N_("Skipped"), "skip", "miss", N_("Left out by us: nothing was sent.")),
}

CAMPAIGN: dict[str, Look] = {
    CampaignState.DRAFT: Look(N_("Draft"), "slash", "miss", N_("Nobody is called yet.")),
    CampaignState.CHECKED: Look(N_("Checked"), "check", "wait", N_("It can be started.")),
    CampaignState.SCHEDULED: Look(N_("Scheduled"), "clock", "wait", N_("It starts by itself.")),
    CampaignState.RUNNING: Look(N_("Running"), "arrow", "wait", N_("It calls.")),
    CampaignState.PAUSING: Look(N_("Pausing"), "bar", "doubt", N_("Nothing more is sent.")),
    CampaignState.PAUSED: Look(N_("Paused"), "bar", "doubt", N_("It waits until it is resumed.")),
    CampaignState.STOPPING: Look(N_("Stopping"), "stop", "miss", N_("Nothing more is sent.")),
    CampaignState.STOPPED: Look(
        N_("Stopped"), "stop", "miss", N_("Ended before everybody was called.")
    ),
    CampaignState.COMPLETED: Look(
        N_("Completed"), "check", "good", N_("Nobody is left to be called.")
    ),
    CampaignState.FAILED: Look(N_("Failed"), "cross", "bad", N_("It cannot go on.")),
}

OUTCOME: dict[str, Look] = {
    Outcome.RECEIVED: Look(N_("Received"), "check", "wait", N_("Stored; it is not about a call.")),
    Outcome.MATCHED: Look(N_("Matched"), "check", "good", N_("It is on its call's timeline.")),
    Outcome.DUPLICATE: Look(
        N_("Duplicate"), "twice", "miss", N_("A repeat of a report we already had; counted.")
    ),
    Outcome.UNMATCHED: Look(
        N_("Unmatched"), "question", "doubt", N_("It cannot be matched to a call with certainty.")
    ),
    Outcome.UNREADABLE: Look(
        N_("Unreadable"), "alert", "bad", N_("No report could be read from it.")
    ),
    Outcome.IGNORED: Look(
        N_("Ignored"), "slash", "miss", N_("Not for us, or nothing that we use.")
    ),
    Outcome.CHALLENGE: Look(
        N_("Challenge"), "arrow", "wait", N_("The provider tested the webhook.")
    ),
    Outcome.FAILED: Look(N_("Failed"), "cross", "bad", N_("Stored, but processing it failed.")),
    Outcome.REJECTED: Look(N_("Rejected"), "stop", "bad", N_("It carried a wrong secret.")),
}

DESTINATION: dict[str, Look] = {
    DestinationState.ACTIVE: Look(N_("Active"), "check", "good", N_("It is told what happens.")),
    DestinationState.PAUSED: Look(
        N_("Paused"), "bar", "doubt", N_("It is sent nothing until resumed.")
    ),
    DestinationState.DISABLED: Look(
        N_("Disabled"), "stop", "bad", N_("It was disabled by itself.")
    ),
}
FAILING = Look(
    N_("Failing"), "alert", "doubt", N_("It does not take what it is sent, and is tried again.")
)

NOTIFICATION: dict[str, Look] = {
    NotificationStatus.PENDING: Look(
        N_("Pending"), "clock", "wait", N_("To be sent, or tried again.")
    ),
    NotificationStatus.DELIVERED: Look(N_("Delivered"), "check", "good", N_("It was taken.")),
    NotificationStatus.FAILED: Look(
        N_("Failed"), "cross", "bad", N_("It is not tried again by itself.")
    ),
}


class Group(NamedTuple):
    """A word for several statuses together, and which they are, for people."""

    word: str
    statuses: frozenset[str]
    meaning: str


GROUP: dict[str, Group] = {
    "ended": Group(N_("Ended"), FINAL, N_("Answered, busy, no answer, canceled or failed")),
    "not-answered": Group(
        N_("Not answered"), FINAL - {Status.COMPLETED}, N_("Busy, no answer, canceled or failed")
    ),
    "in-doubt": Group(
        N_("In doubt"),
        NEEDS_ATTENTION,
        N_("Unknown or unresolved"),
    ),
    "waiting": Group(
        N_("Waiting"),
        frozenset({Status.QUEUED, Status.SUBMITTING}),
        N_("Queued or submitting: not finished yet"),
    ),
}
"""What figures are called on every page. With `rejected` and `skipped`, each call is in one of the
last three or has ended."""

SOURCE: dict[str, str] = {
    Source.API: N_("the provider's response"),
    Source.WEBHOOK: N_("a report"),
    Source.POLL: N_("polling the provider"),
    Source.PERSON: N_("a person"),
    Source.SYSTEM: N_("obdtrack"),
}

SOURCE_SHORT: dict[str, str] = {
    Source.API: N_("response"),
    Source.WEBHOOK: N_("report"),
    Source.POLL: N_("poll"),
    Source.PERSON: N_("person"),
    Source.SYSTEM: N_("obdtrack"),
}

REASON: dict[str, str] = {
    "provider-unreachable": N_("the provider could not be reached"),
    "not-accepted": N_("the provider accepted other numbers of the list, and not this one"),
    "not-listed": N_("the provider's response does not say what became of this number of the list"),
    "opted-out": N_("the number is on the do-not-call list"),
    "called-recently": N_("the same call was placed moments before"),
    "not-sent": N_("obdtrack was stopped before it could send the request, which never left"),
    "invalid-token": N_("the provider did not accept our access token"),
    "forbidden": N_("the provider does not allow it"),
    "not-found": N_("the provider did not find what was requested"),
    "invalid-request": N_("the provider found the request invalid"),
    "insufficient-balance": N_("the balance at the provider is too low"),
    "rate-limited": N_("we send the provider requests too often"),
    "conflict": N_("the provider reported a conflict"),
    "refused": N_("the provider refused it"),
    "redirected": N_("the provider redirected us instead of responding"),
    "timeout": N_("the provider's response did not come in time"),
    "connection-lost": N_("the connection was lost before the response came"),
    "provider-error": N_("the provider responded with an error"),
    "unreadable-answer": N_("the provider's response could not be read"),
    "answer-too-large": N_("the provider's response was too large"),
    "answer-without-id": N_("the provider's response named no call"),
    "id-given-twice": N_("the provider's response gave one id to two calls"),
    "other-number": N_("the id is this call's, and the number is another"),
    "internal-error": N_("something went wrong on our side"),
    "interrupted": N_("obdtrack was stopped while it waited for the response"),
    "declared-not-placed": N_("a person said that no phone rang"),
    "placed-again": N_("someone placed it again, as a new call"),
    "report-given": N_("someone said that a report is about this call"),
    "not-forwarded": N_("it reached the flow and was not passed on"),
    "agent-missed": N_("it reached the flow, and no agent took it"),
    "congestion": N_("no route, or congestion in the network"),
    "channel-unavailable": N_("the channel was not available"),
    "attached": N_("the provider's id for it was found"),
    "no-report": N_("the last deadline passed without a report"),
    "test-report-missing": N_("the test report did not come back"),
}


def said(look: Look) -> Look:
    """Return a look with its word and its meaning in the reader's language."""
    return look._replace(word=gettext(look.word), meaning=gettext(look.meaning))


def status_look(status: str) -> Look:
    """Return how a status is shown; one we do not know is shown as it is."""
    return said(STATUS.get(status) or _unknown(status))


def campaign_look(state: str) -> Look:
    """Return how the state of a campaign is shown."""
    return said(CAMPAIGN[state])


def destination_look(state: str, failing_since: datetime | None) -> Look:
    """Return how the state of a destination is shown, which may be failing since then."""
    failing = failing_since and state == DestinationState.ACTIVE
    return said(FAILING if failing else DESTINATION[state])


def notification_look(status: str) -> Look:
    """Return how the status of a notification is shown."""
    return said(NOTIFICATION[status])


def outcome_look(outcome: str) -> Look:
    """Return how a delivery's outcome is shown."""
    return said(OUTCOME.get(outcome) or _unknown(outcome))


def _unknown(word: str) -> Look:
    return Look(word, "question", "doubt", N_("A status we do not know."))


def source_text(source: str) -> str:
    """Say how something is known, or from whom."""
    return gettext(SOURCE[source]) if source in SOURCE else source


def source_word(source: str, status: str) -> str:
    """Say in a word how a status is known."""
    if status == Status.UNKNOWN:
        return gettext("not known")
    return gettext(SOURCE_SHORT[source]) if source in SOURCE_SHORT else source


def reason_text(reason: str | None) -> str:
    """Say a reason in words; one we do not know is shown without its dashes."""
    text = REASON.get(reason or "")
    return gettext(text) if text else (reason or "").replace("-", " ")


def why_text(reason: str | None, status: str = "") -> str:
    """Say by itself, without a full stop, why a call was not answered; by its status at least."""
    text = reason_text(reason) if reason else status_look(status).meaning if status else ""
    return (text[:1].upper() + text[1:]).rstrip(".।")
