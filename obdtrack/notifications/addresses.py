"""Where destinations may be: nothing inside our own network is reached on somebody's behalf."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress
from urllib.parse import urlsplit

from obdtrack.services import Services

_LARGEST_PORT = 65535
_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NOT_ANYBODYS = (
    ipaddress.ip_network("168.63.129.16/32"),  # Azure's metadata, at what looks like an address
    ipaddress.ip_network("192.0.0.0/24"),  # Oracle's, of which older Pythons know a part only
    ipaddress.ip_network("192.88.99.0/24"),  # relays to anywhere
)

_NO_URL = "Must be a URL like https://shop.example/obdtrack."
_NOT_HTTPS = "Must begin with https:// (http:// only with OBDTRACK_DESTINATIONS_PRIVATE)."
_NOT_PUBLIC = "Must lead to a public address (another only with OBDTRACK_DESTINATIONS_PRIVATE)."


def objection(url: str, services: Services) -> str | None:
    """Say why nothing is sent to this URL, as far as it shows; None if nothing is wrong with it.

    What its name stands for is looked at when something is sent.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return _NO_URL
    private = services.settings.destinations_private
    is_clean = url.isprintable() and not any(one.isspace() or one == "\\" for one in url)
    found = {
        _NOT_HTTPS: parts.scheme != "https" and not (private and parts.scheme == "http"),
        _NO_URL: not host or not is_clean,
        "Must have a port from 1 to 65535.": port is not None and not 0 < port <= _LARGEST_PORT,
        "Must not have a user name or password.": "@" in parts.netloc,
        _NOT_PUBLIC: not private and not _may_be_public(host),
    }
    return next((sentence for sentence, is_wrong in found.items() if is_wrong), None)


def is_public(address: str) -> bool:
    """Whether an IP address is anybody's on the internet, or stands for one that is."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if inner := ip.ipv4_mapped or ip.sixtofour:
            return is_public(str(inner))
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)))
        if ip not in _UNICAST or ip.teredo:
            return False
    if any(ip in network for network in _NOT_ANYBODYS):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _may_be_public(host: str) -> bool:
    """Whether a host as it is written may stand for a public address: of most names, who knows."""
    name = host.rstrip(".").lower()
    with suppress(OSError, UnicodeError):  # as the system reads it: 0x7f.1, 2130706433, 0177.0.0.1
        return is_public(socket.inet_ntoa(socket.inet_aton(name)))
    if ":" in name:
        return is_public(name)
    return name.rpartition(".")[2] not in ("localhost", "local", "internal")
