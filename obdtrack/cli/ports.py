"""Whether a port can be listened on, told before a server is started."""

from __future__ import annotations

import socket

from obdtrack.errors import ConfigError


def require_free_port(host: str, port: int) -> None:
    """Raise ConfigError if `port` on `host` is taken or forbidden, naming the setting to change."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigError(
                f"Port {port} on {host} cannot be used: {error.strerror}. "
                "Stop what listens there, or set OBDTRACK_PORT to another port."
            ) from None


def free_port() -> int:
    """Give a port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
