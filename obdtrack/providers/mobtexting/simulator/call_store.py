"""Which calls were placed and how far each has come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import NamedTuple

from obdtrack.providers.mobtexting.simulator.calls import Dialling, SimulatedCall


class LoggedCall(NamedTuple):
    """A call and its last dialling that is over; None while the first still rings."""

    call: SimulatedCall
    last: Dialling | None


class Ledger:
    """The calls in the order they were placed. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._entries: dict[str, LoggedCall] = {}

    def add(self, call: SimulatedCall) -> None:
        """Note a call that was just accepted."""
        with self._lock:
            self._entries[call.id] = LoggedCall(call, None)

    def end(self, call: SimulatedCall, dialling: Dialling) -> None:
        """Note that one dialling of `call` is over."""
        with self._lock:
            self._entries[call.id] = LoggedCall(call, dialling)

    def entries(self) -> list[LoggedCall]:
        """Return every call, oldest first."""
        with self._lock:
            return list(self._entries.values())

    def find(self, question: Mapping[str, str]) -> list[LoggedCall]:
        """Return the calls that fit every entry of `question`, oldest first.

        Its keys are those of QUESTIONS, its values what was asked for; `date` is `YYYY-MM-DD` in
        the simulator's zone.
        """
        return [
            entry
            for entry in self._candidates(question)
            if all(QUESTIONS[key](entry.call) == value for key, value in question.items())
        ]

    def _candidates(self, question: Mapping[str, str]) -> list[LoggedCall]:
        """Spare a walk through all calls when one is asked for by its id."""
        if "id" not in question:
            return self.entries()
        with self._lock:
            entry = self._entries.get(question["id"])
        return [] if entry is None else [entry]


QUESTIONS: Mapping[str, Callable[[SimulatedCall], str]] = {
    "id": lambda call: call.id,
    "cid": lambda call: call.mid,
    "mobile": lambda call: call.to,
    "date": lambda call: call.placed_at.strftime("%Y-%m-%d"),
}
"""What calls can be asked for by, and how a call answers."""
