"""What must be known of a call, whatever happens: the tiny model that `machine` compares with."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.torture.provider import WORDS, Fact, Fate


@dataclass
class Known:
    """What we must know of one intended call: the claim that holds, and the facts that came.

    Facts that came before we knew the provider's id of the call are `waiting`.
    """

    claim: str = "submitting"
    facts: set[Fact] = field(default_factory=set)
    waiting: set[Fact] = field(default_factory=set)

    def statuses(self) -> set[str]:
        """Return the statuses this may lead to: the strongest word of the last dialling, if any."""
        final = [fact for fact in self.facts if fact.word in WORDS]
        if final:
            last = max(fact.dialling for fact in final)
            told = [word for word in WORDS if Fact(last, word) in self.facts]
            return {WORDS[told[-1]]}
        if self.facts and self.claim in ("submitting", "unknown"):
            return {"queued"}  # whoever reports a call has it
        return {"queued", "unresolved"} if self.claim == "queued" else {self.claim}


def claim_after(fate: Fate) -> str:
    """Return what our own request tells us."""
    if fate is Fate.ACCEPTED:
        return "queued"
    return "rejected" if fate is Fate.REFUSED else "unknown"
