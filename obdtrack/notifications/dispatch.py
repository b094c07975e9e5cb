"""Sends destinations what happened, each by itself: at least once, and in order for each call."""

from __future__ import annotations

from obdtrack.domain.times import to_text
from obdtrack.notifications.envelope import SOURCE
from obdtrack.notifications.sender import Tried, post, secrets_of
from obdtrack.providers.http.exchange import open_session
from obdtrack.services import Services, new_id
from obdtrack.store import models

_OTHER_KEY = "OBDTRACK_SECRET_KEY is not the one its secret was encrypted with."


def send_test(destination: models.Destination, services: Services) -> Tried:
    """Send an event of the type `destination.test`, which is in no feed and no log, now."""
    event = {
        "specversion": "1.0",
        "id": new_id(),
        "source": SOURCE,
        "type": "destination.test",
        "time": to_text(services.now()),
        "subject": destination.id,
        "datacontenttype": "application/json",
        "dataschema": "urn:obdtrack:destination:1",
        "data": {"message": "This is a test: nothing has happened."},
        "changed": {},
    }
    try:
        secrets = secrets_of(destination, services)
    except ValueError:
        return Tried(None, 0, None, _OTHER_KEY)
    with open_session() as session:
        return post(session, destination.url, secrets, event, services)
