"""Where to listen, and whether that can be done, found out before a server is started."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress

from obdtrack.errors import ConfigError

_NO_ADDRESS_OF_OURS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EINVAL)

_FIRST_PASSED = 3  # SD_LISTEN_FDS_START


def listening_address(host: str) -> str:
    """Return the address that a host's name stands for: the first of its IPv4, else of its IPv6.

    The server takes addresses only. Raises ConfigError for a name that this machine does not know.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ConfigError(
            f"OBDTRACK_HOST: {host!r} is neither an address nor a name that this machine knows."
        ) from None
    *_, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    return str(address[0])


def require_free_port(host: str, port: int) -> None:
    """Raise ConfigError if `port` on `host` is taken or forbidden, naming the setting to change."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        advice = (
            "Set OBDTRACK_HOST to an address of this machine."
            if error.errno in _NO_ADDRESS_OF_OURS
            else "Stop what listens there, or set OBDTRACK_PORT to another port."
        )
        raise ConfigError(
            f"Port {port} on {host} cannot be used: {error.strerror}. {advice}"
        ) from None


def inherited_listener() -> socket.socket | None:
    """Return the listening socket that systemd opened for this process (sd_listen_fds(3)), if any.

    Connections wait in it while nobody accepts them. Raises ConfigError if it is anything else.
    """
    told = {name: os.environ.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS")}
    if told["LISTEN_PID"] != str(os.getpid()):
        return None
    with suppress(OSError):
        listener = socket.socket(fileno=_FIRST_PASSED)
        internet = listener.family in (socket.AF_INET, socket.AF_INET6)
        accepts = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        if told["LISTEN_FDS"] == "1" and internet and accepts:
            listener.set_inheritable(False)
            listener.setblocking(False)
            return listener
    raise ConfigError("obdtrack.socket: there must be one ListenStream=, of an address and a port.")


def leave_connections_in(listener: socket.socket) -> None:
    """Accept no more from an inherited socket: who connects from now on waits for the next process.

    Its number in this process is made to mean another socket, which nobody connects to.
    """
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        nobody.setblocking(False)
        os.dup2(nobody.fileno(), listener.fileno(), inheritable=False)


def free_port() -> int:
    """Return a port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
