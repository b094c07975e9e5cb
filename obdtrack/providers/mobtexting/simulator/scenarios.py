"""The one table that says what becomes of a call: its number's last two digits decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from obdtrack.providers.mobtexting.simulator.config import Generation


class SimulatedResponse(StrEnum):
    """How the simulator responds to the request that places calls."""

    SUCCESS = "success"
    WITHOUT_ID = "without-id"
    DROPPED = "dropped"
    ERROR = "error"
    LOGIN_PAGE = "login-page"
    REDIRECT = "redirect"
    INVALID = "invalid"
    NO_BALANCE = "no-balance"
    RATE_LIMITED = "rate-limited"


class Listing(StrEnum):
    """How an accepted number stands in the response, whatever its neighbours do."""

    PLAIN = "plain"
    UNLISTED = "unlisted"
    WITH_STRANGER = "with-stranger"
    WITHOUT_MOBILE = "without-mobile"


class ReportShape(StrEnum):
    """How a report is written: the default body, or one that a customer composed."""

    JSON = "json"
    TRAILING_COMMA = "trailing-comma"
    GET = "get"
    FORM = "form"


@dataclass(frozen=True, slots=True)
class PlannedAttempt:
    """One dialling of a call. `ring`, `talk` and `late` are in ring times.

    `words` are the status words reported for it, one report each; `late` is how long after its
    end it is reported.
    """

    words: tuple[str, ...]
    ring: float = 1.0
    talk: float = 0.0
    late: float = 0.0


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to a call, from the response to the last report.

    Attempts after the first happen only if the request asked for redials. No attempts at all:
    the call stays queued for ever. `copies` is how often each report is posted. `accepts` is
    whether the request is acted upon, `slow` whether its response takes `slow_seconds`.
    `generation` overrides the configured one. `left_out` numbers of a request are neither dialled
    nor counted, `listing` says how the others stand in the response.
    """

    name: str
    description: str
    attempts: tuple[PlannedAttempt, ...]
    shape: ReportShape = ReportShape.JSON
    copies: int = 1
    before_response: bool = False
    dtmf: str = ""
    response: SimulatedResponse = SimulatedResponse.SUCCESS
    accepts: bool = True
    slow: bool = False
    generation: Generation | None = None
    left_out: bool = False
    listing: Listing = Listing.PLAIN

    @property
    def decides_the_response(self) -> bool:
        """Whether the response differs from the ordinary one."""
        plain = (SimulatedResponse.SUCCESS, True, False, None)
        return (self.response, self.accepts, self.slow, self.generation) != plain


ANSWER = PlannedAttempt(("ANSWER",), talk=0.5)
NO_ANSWER = PlannedAttempt(("NOANSWER",))

_TALKED = (ANSWER,)
_NOTHING: tuple[PlannedAttempt, ...] = ()


def _ending(word: str) -> tuple[PlannedAttempt, ...]:
    """Return the attempts of a call that is dialled once and ends with `word`."""
    return (PlannedAttempt((word,)),)


DEFAULT_FATE = Fate("answered", "Picked up; talked for half a ring time.", _TALKED)

FATES: Mapping[str, Fate] = {
    "10": Fate("second leg answered", "COMPLETED.", (PlannedAttempt(("COMPLETED",), talk=0.5),)),
    "11": Fate("busy", "BUSY.", _ending("BUSY")),
    "12": Fate(
        "answered on redial",
        "NOANSWER; then, if `interval` is set, ANSWER a ring time later.",
        (NO_ANSWER, ANSWER),
    ),
    "13": Fate(
        "no answer",
        "NOANSWER; once more a ring time later if `interval` is set.",
        (NO_ANSWER, NO_ANSWER),
    ),
    "14": Fate("canceled", "CANCEL: hung up before it was picked up.", _ending("CANCEL")),
    "15": Fate("congestion", "CONGESTION: no route.", _ending("CONGESTION")),
    "16": Fate("channel unavailable", "CHANUNAVAIL.", _ending("CHANUNAVAIL")),
    "17": Fate("agent missed", "MISSED: reached the flow, no agent took it.", _ending("MISSED")),
    "18": Fate("unknown word", "RINGOUT, a word no documentation has.", _ending("RINGOUT")),
    "19": Fate("not forwarded", "RECEIVED: reached the flow only.", _ending("RECEIVED")),
    "20": Fate(
        "reports out of order",
        "As 12, but the first attempt's report comes last.",
        (PlannedAttempt(("NOANSWER",), late=5.0), ANSWER),
    ),
    "21": Fate("report twice", "The same report, posted twice.", _TALKED, copies=2),
    "22": Fate(
        "report before the response",
        "Reported before the response to the request that placed it.",
        (PlannedAttempt(("ANSWER",), ring=0.0),),
        before_response=True,
    ),
    "23": Fate("report lost", "Never reported; callstatus knows.", _TALKED, copies=0),
    "25": Fate(
        "composed GET",
        "Reported by GET with call_id, to, message_status, start_at, end_at.",
        _TALKED,
        shape=ReportShape.GET,
    ),
    "26": Fate(
        "composed form",
        "Reported by POST of a form with id, to, status, dtmf and times.",
        _TALKED,
        shape=ReportShape.FORM,
        dtmf="1",
    ),
    "27": Fate(
        "conflicting reports",
        "NOANSWER and ANSWER for one attempt.",
        (PlannedAttempt(("NOANSWER", "ANSWER"), talk=0.5),),
    ),
    "28": Fate(
        "trailing comma",
        "Reported as in the documentation's example, comma before the brace.",
        _TALKED,
        shape=ReportShape.TRAILING_COMMA,
    ),
    "29": Fate("silence", "Accepted, then nothing: queued for ever, no report.", _NOTHING),
    "30": Fate(
        "report late",
        "Reported ten ring times late; callstatus knows at once.",
        (PlannedAttempt(("ANSWER",), talk=0.5, late=10.0),),
    ),
    "31": Fate("timeout after accepting", "Rings; the response is late.", _TALKED, slow=True),
    "32": Fate(
        "dropped after accepting",
        "Rings; the connection is closed without a response.",
        _TALKED,
        response=SimulatedResponse.DROPPED,
    ),
    "33": Fate(
        "error after accepting", "Rings; HTTP 500.", _TALKED, response=SimulatedResponse.ERROR
    ),
    "34": Fate(
        "timeout, not placed",
        "The response is late, with HTTP 500; no phone rings.",
        _NOTHING,
        response=SimulatedResponse.ERROR,
        accepts=False,
        slow=True,
    ),
    "35": Fate(
        "login page",
        "Not placed; HTTP 200 with the HTML login page.",
        _NOTHING,
        response=SimulatedResponse.LOGIN_PAGE,
        accepts=False,
    ),
    "36": Fate(
        "validation refusal",
        "Not placed; HTTP 422.",
        _NOTHING,
        response=SimulatedResponse.INVALID,
        accepts=False,
    ),
    "37": Fate(
        "insufficient balance",
        "Not placed; HTTP 200 whose body says ERROR.",
        _NOTHING,
        response=SimulatedResponse.NO_BALANCE,
        accepts=False,
    ),
    "38": Fate(
        "rate limited",
        "Not placed; HTTP 429 with Retry-After.",
        _NOTHING,
        response=SimulatedResponse.RATE_LIMITED,
        accepts=False,
    ),
    "39": Fate("2024 response", "The response format of 2024.", _TALKED, generation="2024"),
    "40": Fate("2019 response", "The response format of 2019.", _TALKED, generation="2019"),
    "41": Fate(
        "redirect to login",
        "Not placed; HTTP 302 to the login page.",
        _NOTHING,
        response=SimulatedResponse.REDIRECT,
        accepts=False,
    ),
    "42": Fate(
        "response without id",
        "Rings; the success body lists no call.",
        _TALKED,
        response=SimulatedResponse.WITHOUT_ID,
    ),
    "43": Fate("left out", "Not placed; neither listed nor counted.", _NOTHING, left_out=True),
    "44": Fate(
        "counted, not listed",
        "Rings; counted in the success body, but not listed.",
        _TALKED,
        listing=Listing.UNLISTED,
    ),
    "45": Fate(
        "stranger listed",
        "The success body also lists a number nobody asked for.",
        _TALKED,
        listing=Listing.WITH_STRANGER,
    ),
    "46": Fate(
        "listed without mobile",
        "The success body does not say whose its id is.",
        _TALKED,
        listing=Listing.WITHOUT_MOBILE,
    ),
}

FAILING: tuple[PlannedAttempt, ...] = _ending("CHANUNAVAIL")
"""What becomes of every call whose flow is the bad one."""


def fate_of(number: str) -> Fate:
    """Return the fate of a number (digits) by its last two digits."""
    return FATES.get(number[-2:], DEFAULT_FATE)


def deciding_fate(numbers: Iterable[str]) -> Fate:
    """Return the fate that decides the response to a request for `numbers` (not empty).

    It is that of the first number whose response is out of the ordinary; there is only one.
    """
    fates = [fate_of(number) for number in numbers]
    return next((fate for fate in fates if fate.decides_the_response), fates[0])


def _help() -> str:
    """Write the table as text, a line per fate."""
    rows = [("else", DEFAULT_FATE), *sorted(FATES.items())]
    width = max(len(fate.name) for _, fate in rows)
    lines = [f"  {code:<4}  {fate.name:<{width}}  {fate.description}" for code, fate in rows]
    return "\n".join(["The last two digits of the number called decide its fate:", "", *lines])


FATES_HELP = _help()
"""The fates as plain text, for help pages."""
