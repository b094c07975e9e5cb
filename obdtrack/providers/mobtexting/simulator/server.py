"""Running a simulator on a loopback socket: until stopped, or for the length of a test."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from threading import Thread

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from obdtrack.providers.mobtexting.simulator.app import API_PATH, application
from obdtrack.providers.mobtexting.simulator.calls import SimulatedCall
from obdtrack.providers.mobtexting.simulator.config import SimulatorConfig
from obdtrack.providers.mobtexting.simulator.scenarios import FATES_HELP
from obdtrack.providers.mobtexting.simulator.state import ReceivedRequest, Simulator

__all__ = ["FATES_HELP", "RunningSimulator", "SimulatorConfig", "running", "serve"]

_STOP_POLL_SECONDS = 0.02

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunningSimulator:
    """A simulator that listens. `url` is its API's base address, with a slash at the end."""

    url: str
    simulator: Simulator

    @property
    def calls(self) -> list[SimulatedCall]:
        """Every accepted call, oldest first."""
        return self.simulator.calls

    @property
    def dials(self) -> int:
        """How often a phone was made to ring on request: numbers accepted, redials not counted."""
        return self.simulator.dials

    @property
    def requests(self) -> Sequence[ReceivedRequest]:
        """The latest requests to the API, accepted or not, oldest first."""
        return list(self.simulator.requests)

    def settle(self, timeout_seconds: float = 5.0) -> bool:
        """Wait until every call has ended and every report was taken or given up.

        Returns whether it came to that within `timeout_seconds`.
        """
        return self.simulator.settle(timeout_seconds)


def serve(config: SimulatorConfig, host: str = "127.0.0.1", port: int = 8001) -> None:
    """Run a simulator until interrupted. Raises ValueError for a host that is not loopback."""
    with _listening(config, host, port) as (server, started):
        logger.info("Simulator listens on %s", started.url)
        # Comes back by itself from a keyboard interrupt.
        server.serve_forever()
        logger.info("Simulator stopped")


@contextmanager
def running(config: SimulatorConfig, port: int = 0) -> Iterator[RunningSimulator]:
    """Run a simulator on loopback for the length of a `with` block; port 0 takes any free one."""
    with _listening(config, "127.0.0.1", port) as (server, started):
        thread = Thread(target=server.serve_forever, args=(_STOP_POLL_SECONDS,), daemon=True)
        thread.start()
        try:
            yield started
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def _listening(
    config: SimulatorConfig, host: str, port: int
) -> Iterator[tuple[BaseWSGIServer, RunningSimulator]]:
    """Bind a socket for a new simulator; both are closed at the end."""
    refuse_strangers(host)
    with closing(Simulator(config)) as simulator:
        app = application(simulator)
        with make_server(host, port, app, threaded=True, request_handler=_QuietHandler) as server:
            shown = f"[{host}]" if ":" in host else host
            url = f"http://{shown}:{server.server_port}{API_PATH}"
            yield server, RunningSimulator(url, simulator)


def refuse_strangers(host: str) -> None:
    """Raise ValueError unless `host` can only be reached from this machine.

    Whoever reaches a simulator can make it post reports that look real.
    """
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ValueError(
            f"The simulator listens on loopback only, not on {host!r}. "
            "Use 127.0.0.1, ::1 or localhost."
        )


class _QuietHandler(WSGIRequestHandler):
    """Answers without an access log: its lines would carry the numbers that were asked for."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""
