"""What was refused for its secret is kept and counted, whatever happens while it is being kept."""

from __future__ import annotations

import pytest

from obdtrack.calls.reports import deliveries
from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.quarantine import COUNTER, Quarantine
from obdtrack.errors import ObdtrackError
from obdtrack.services import Services, new_id
from obdtrack.store import leases
from obdtrack.store.database import unavailable
from tests.factories import PROVIDER, raw_delivery


def refused(services: Services, query: str = "") -> InboundRequest:
    return InboundRequest(new_id(), services.now(), raw_delivery()._replace(query=query), PROVIDER)


def kept(services: Services) -> list[str]:
    with services.store.connection_context():
        return [row.outcome for row in deliveries.newest(10)]


def counted(services: Services) -> int:
    with services.store.connection_context():
        return leases.counters([COUNTER]).get(COUNTER, 0)


@pytest.fixture
def quarantine(services: Services) -> Quarantine:
    still = Quarantine(services)
    still._thread = still  # nothing is flushed but by the test
    return still


def test_one_that_is_still_being_read_while_others_are_stored_is_kept(
    quarantine: Quarantine, services: Services
) -> None:
    def read_slowly() -> InboundRequest:
        quarantine.flush()
        return refused(services)

    quarantine.take(b"wrong", read_slowly)
    quarantine.flush()
    assert (kept(services), counted(services)) == (["rejected"], 1)


def test_what_the_database_did_not_take_is_stored_when_it_does(
    quarantine: Quarantine, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    quarantine.take(b"wrong", lambda: refused(services))
    with monkeypatch.context() as broken:
        broken.setattr(deliveries, "add_rejected", lambda _: raise_(unavailable()))
        with pytest.raises(ObdtrackError):
            quarantine.flush()
    assert (kept(services), counted(services)) == ([], 0)
    quarantine.flush()
    assert (kept(services), counted(services)) == (["rejected"], 1)


def test_our_own_secrets_are_not_kept_with_it(quarantine: Quarantine, services: Services) -> None:
    token = services.settings.webhook_token
    assert token
    quarantine.take(b"wrong", lambda: refused(services, query=f"token={token}"))
    quarantine.flush()
    with services.store.connection_context():
        assert deliveries.newest(1)[0].query == "token=removed"


def raise_(error: Exception) -> None:
    raise error
