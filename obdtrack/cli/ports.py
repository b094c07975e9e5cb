"""Where to listen, and whether that can be done, found out before a server is started."""

from __future__ import annotations

import errno
import socket

from obdtrack.errors import ConfigError

_NO_ADDRESS_OF_OURS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EINVAL)


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


def free_port() -> int:
    """Return a port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
