"""Which rejected requests go when there are more than there is room for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

MOST_OF_ONE_SECRET = 100
_FEW = 3
"""A secret of which fewer requests came may be made up for each."""


class Held(NamedTuple):
    """A rejected request, the keyed hash of the secret it carried, and its size in bytes."""

    id: UUID
    secret: str | None
    size: int


class Room(NamedTuple):
    """How many requests are kept, and how many bytes of them."""

    rows: int
    size: int

    def share(self, held: Sequence[Held]) -> float:
        """Return which part of the room these take."""
        return max(len(held) / self.rows, sum([one.size for one in held]) / self.size)


def surplus(held: Iterable[Held], room: Room) -> list[UUID]:
    """Return which of these requests, oldest first, go for the others to fit in.

    Of one secret a bounded number is kept. Beyond the room the most numerous secret gives way, its
    oldest request first; secrets of which few came count as one, and of them the first and the last
    stay longest. So whoever makes secrets up pushes out neither a slip that is repeated nor one
    that came before.
    """
    of_secret: dict[str | None, list[Held]] = defaultdict(list)
    for one in held:
        of_secret[one.secret].append(one)
    gone, made_up, groups = list[Held](), list[Held](), list[list[Held]]()
    for group in of_secret.values():
        gone += group[:-MOST_OF_ONE_SECRET]
        groups.append(group[-MOST_OF_ONE_SECRET:])
    rows = sum(map(len, groups))
    size = sum(one.size for group in groups for one in group)
    while rows > room.rows or size > room.size:
        for group in [group for group in groups if len(group) < _FEW]:
            groups.remove(group)
            made_up = sorted(made_up + group, key=_age)
        largest = max(filter(None, [made_up, *groups]), key=lambda g: (room.share(g), _age(g[0])))
        one = largest.pop(len(largest) // 2 if largest is made_up else 0)
        rows, size = rows - 1, size - one.size
        gone.append(one)
    return [one.id for one in gone]


def _age(one: Held) -> bytes:
    return one.id.bytes
