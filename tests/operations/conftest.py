"""What the tests of operations are given: an account with calls and reports, told by minutes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests import factories
from tests.conftest import Caller
from tests.end_to_end.conftest import Installation
from tests.factories import Clock, ScriptedProvider


class Account:
    """Places calls and reports them, with the clock of the tests."""

    def __init__(self, caller: Caller, provider: ScriptedProvider, clock: Clock) -> None:
        self.caller, self.provider, self.clock = caller, provider, clock
        provider.on_send = factories.accepted(mid=None)

    def place(self) -> str:
        """Place a call; returns its submission's uuid."""
        provider_id: str = self.caller.place().json["provider_id"]
        return provider_id.partition(":")[0]

    def report(self, mid: str, off: timedelta = timedelta(), **changes: Any) -> None:
        """Report a call that ends now, by a clock that is `off`."""
        ended = self.clock.now + off
        times = {"start_at": ended - timedelta(seconds=16), "end_at": ended}
        told = {name: f"{time:%Y-%m-%d %H:%M:%S}" for name, time in times.items()}
        assert self.caller.report(mid=mid, **{**told, **changes}).status_code == 200

    def reported_calls(self, count: int, off: timedelta = timedelta()) -> None:
        """Place and report so many calls, a minute apart."""
        for _ in range(count):
            self.report(self.place(), off)
            self.clock.forward(minutes=1)


@pytest.fixture
def account(caller: Caller, provider: ScriptedProvider, clock: Clock) -> Account:
    return Account(caller, provider, clock)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A simulator and a server as operators start them, with a registered webhook."""
    installed = Installation(tmp_path_factory.mktemp("operations"))
    installed.run("migrate")
    installed.sign_in()
    installed.start_simulator("--ring-seconds", "0.2", "--callback", "http://127.0.0.1:1/")
    installed.start_server()
    webhook_id = installed.run("webhook", "register", "--url", installed.url)
    installed.environ["OBDTRACK_WEBHOOK_ID"] = webhook_id
    yield installed
    installed.stop()
