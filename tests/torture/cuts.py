"""A proxy on loopback that lets a connection to the provider go so far and no further."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import closing, suppress
from enum import StrEnum
from typing import BinaryIO

from obdtrack.cli.ports import free_port
from tests.torture.served import Served, served, silent_number


class Cut(StrEnum):
    """Where the connection ends."""

    REFUSED = "before it begins"
    AT_ONCE = "before any of the request is read"
    IN_REQUEST = "within the request"
    BEFORE_RESPONSE = "after the request, before the answer"
    IN_RESPONSE = "within the answer"
    AFTER_RESPONSE = "after the whole answer"


EXPECTED = {
    Cut.REFUSED: ("rejected", 0),
    Cut.AT_ONCE: ("unknown", 0),
    Cut.IN_REQUEST: ("unknown", 0),
    Cut.BEFORE_RESPONSE: ("unknown", 1),
    Cut.IN_RESPONSE: ("unknown", 1),
    Cut.AFTER_RESPONSE: ("queued", 1),
}
"""The word we must say, and how often the number was dialled."""

_FORWARDED = frozenset({Cut.BEFORE_RESPONSE, Cut.IN_RESPONSE, Cut.AFTER_RESPONSE})
_RESET = struct.pack("ii", 1, 0)  # closing throws away what is unsent, and tells the other side so


class CuttingProxy:
    """Stands before the provider; `cut` and `reset` tell what becomes of the next connection."""

    def __init__(self, port: int, provider_port: int) -> None:
        self.cut, self.reset = Cut.AFTER_RESPONSE, False
        self._port, self._provider_port = port, provider_port
        self._listener: socket.socket | None = None
        self._serving: list[threading.Thread] = []
        self._was_read = threading.Event()
        self.listen()

    def listen(self) -> None:
        """Take connections."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def refuse(self) -> None:
        """Take no connections until told to listen again."""
        assert self._listener is not None
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()

    def finish(self) -> None:
        """Know that answers were read, and wait until every connection is over."""
        self._was_read.set()
        while self._serving:
            self._serving.pop().join()
        self._was_read.clear()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
                self._serving.append(thread)
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        cut = self.cut
        with closing(client), suppress(OSError):
            if self.reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            if cut is Cut.AT_ONCE and self.reset:
                # Reset sooner, connecting itself may fail: then nothing was sent, and we say so.
                client.recv(1, socket.MSG_PEEK)
            if cut is Cut.IN_REQUEST:
                client.recv(20)
            if cut in _FORWARDED:
                response = self._forward(_message(client.makefile("rb")))
                client.sendall(
                    {Cut.BEFORE_RESPONSE: b"", Cut.IN_RESPONSE: response[:-10]}.get(cut, response)
                )
            if cut is Cut.AFTER_RESPONSE:
                self._was_read.wait()  # a reset before would take the answer back

    def _forward(self, request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self._provider_port)) as provider:
            provider.sendall(request)
            return _message(provider.makefile("rb"))


def _message(stream: BinaryIO) -> bytes:
    """Read one HTTP message whose length is told in its head."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            raise ConnectionError("it ended within its head")
        head += line
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return head + stream.read(int(lengths[0].split(b":")[1]) if lengths else 0)


def cut_everywhere(rounds: int, mutant: str = "sound") -> list[str]:
    """Cut at every point, closing and resetting by turns; give what went wrong, in sentences."""
    port, wrong = free_port(), []
    with served(mutant, OBDTRACK_PROVIDER_URL=f"http://127.0.0.1:{port}/api/v2/") as server:
        proxy = CuttingProxy(port, server.provider_port)
        for count in range(rounds * len(Cut)):
            cut, proxy.reset = list(Cut)[count % len(Cut)], (count // len(Cut)) % 2 == 1
            found = _place_through(proxy, cut, server, silent_number(count))
            if found != EXPECTED[cut]:
                wrong.append(f"cut {cut}, reset {proxy.reset}: {found}, not {EXPECTED[cut]}")
        proxy.refuse()
    return wrong


def _place_through(proxy: CuttingProxy, cut: Cut, server: Served, number: str) -> tuple[str, int]:
    """Place one call, and give the word for it and how often it was dialled."""
    proxy.cut = cut
    if cut is Cut.REFUSED:
        proxy.refuse()
    status = server.ask_to_place(number).json()["status"]
    if cut is Cut.REFUSED:
        proxy.listen()
    proxy.finish()  # or a connection that is about to end is taken for the next request
    return status, server.dialled().count(number)
