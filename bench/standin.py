"""A provider stand-in that accepts every call, at once or after a while: `python -m bench.standin`.

It is no simulator: it reads just enough of HTTP to answer at a rate that measures others.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import uuid

import click

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_NUMBER = re.compile(rb'"to": *"?\+?(\d+)')


class _Provider(asyncio.Protocol):
    """One connection; requests come one after another."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._received, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._received) < whole:
                return
            placing = self._received.startswith(b"POST")
            response = _response(self._received[end:whole])
            self._received = self._received[whole:]
            if placing and self._delay:
                asyncio.get_running_loop().call_later(self._delay, self._transport.write, response)
            else:
                self._transport.write(response)


def _response(body: bytes) -> bytes:
    number = _NUMBER.search(body)
    entry = {
        "id": f"{uuid.uuid4()}:1",
        "mobile": number[1].decode() if number else "",
        "charges": "0.5000",
        "status": "QUEUED",
    }
    content = json.dumps({"status": "200", "message": "OK", "data": [entry]})
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json"
    return f"{head}\r\nContent-Length: {len(content)}\r\n\r\n{content}".encode()


async def _serve(port: int, delay: float) -> None:
    loop = asyncio.get_running_loop()
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    server = await loop.create_server(lambda: _Provider(delay), "127.0.0.1", port, backlog=1024)
    await end.wait()
    server.close()


@click.command()
@click.option("--port", type=int, required=True)
@click.option("--delay", type=float, default=0.0, help="Seconds before each call is answered.")
def main(port: int, delay: float) -> None:
    """Answer until SIGTERM."""
    asyncio.run(_serve(port, delay))


if __name__ == "__main__":
    main()
