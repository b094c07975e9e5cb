"""However transactions overlap, a reader of the feed gets every event once, and in order."""

from __future__ import annotations

import pytest

from obdtrack.store.database import Store
from tests.torture import feed as stage
from tests.torture.feed import Reader, follow_feed


def test_of_what_eight_write_at_once_nothing_is_skipped(store: Store) -> None:
    events = 2000 if store.for_update else 200
    seen = follow_feed(store, events)
    assert seen.events >= events
    assert seen.wrong == 0


@pytest.mark.parametrize("reader", [stage.the_newest, stage.by_id, stage.by_sequence])
def test_reading_otherwise_would_be_noticed(postgres_store: Store, reader: Reader) -> None:
    assert follow_feed(postgres_store, 1000, reader).skipped
