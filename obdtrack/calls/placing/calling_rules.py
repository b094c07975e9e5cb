"""What must hold before anybody is rung: the hours, and the wish of the person called."""

from __future__ import annotations

import math

from obdtrack.access.pseudonym import pseudonym
from obdtrack.calls import opt_outs
from obdtrack.calls.journal import Journal
from obdtrack.calls.placing.place import Condition
from obdtrack.calls.placing.submissions import PendingCall
from obdtrack.domain.calling_window import CallingWindow, is_open, next_opening
from obdtrack.domain.phone import masked
from obdtrack.domain.times import to_text
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services


def dialling_rules(to: str, services: Services) -> list[Condition]:
    """Return the conditions under which this number (E.164) may be called, as the settings say.

    They are checked when the intention is stored. Each raises ObdtrackError (conflict) with the
    reason.
    """
    settings = services.settings
    rules: list[Condition] = []
    if settings.suppression:
        rules.append(_unless_opted_out(to, services))
    if settings.calling_window is not None:
        opens, closes = settings.calling_window
        rules.append(_within(CallingWindow(opens, closes, settings.calling_window_timezone)))
    return rules


def _unless_opted_out(to: str, services: Services) -> Condition:
    def refuse_opted_out(_: PendingCall, __: Journal) -> None:
        found = opt_outs.of_numbers({to, pseudonym(to, services.encryption)})
        if found:
            since = to_text(min(found.values()))
            doubt = _IN_DOUBT if opt_outs.parts_listed(to) else ""
            raise ObdtrackError(
                Code.CONFLICT,
                f"{masked(to)} does not want to be called (since {since}). Nothing was sent."
                + doubt,
                fields={"to": [f"Opted out of calls on {since}."]},
            )

    return refuse_opted_out


_IN_DOUBT = (
    " The opt-out was reported without a country code and may be another number's: an operator "
    "decides by `suppress add` or `suppress remove`."
)


def _within(window: CallingWindow) -> Condition:
    def refuse_outside(intention: PendingCall, _: Journal) -> None:
        now = intention.created_at
        if not is_open(window, now):
            opening = next_opening(window, now)
            local = now.astimezone(window.zone)
            raise ObdtrackError(
                Code.CONFLICT,
                f"Calls are placed {window} only, and there it is {local:%H:%M}. "
                f"Nothing was sent; try again at {to_text(opening)}.",
                retry_after=math.ceil((opening - now).total_seconds()),
            )

    return refuse_outside
