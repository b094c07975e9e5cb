"""Runs a command under what a systemd unit forbids, as far as a process can do that to itself.

    python -m tests.operations.confined UNIT COMMAND …

System calls outside `SystemCallFilter=` fail as the unit says, memory that can be written cannot be
executed, no new privileges, its umask. Users, mounts and devices need systemd and are not tried.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

NUMBERS = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")

_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER, _MEMORY_DENY = 38, 22, 2, 65
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000


def value_of(unit: str, name: str) -> list[str]:
    """Return every value that a unit has for a directive."""
    return re.findall(rf"^{name}=(.*)$", unit, re.MULTILINE)


def calls_in(group: str) -> set[str]:
    """Return the system calls of one of systemd's groups."""
    command = ["systemd-analyze", "syscall-filter", group]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: set[str] = set()
    for line in told.splitlines():
        name = line.strip()
        if name and not name.startswith("#") and name != group:
            found |= calls_in(name) if name.startswith("@") else {name}
    return found


def allowed_calls(unit: str) -> set[str]:
    """Return the system calls that a unit leaves to its service."""
    allowed = calls_in("@default")
    for value in value_of(unit, "SystemCallFilter"):
        for group in value.removeprefix("~").split():
            change = allowed.difference_update if value.startswith("~") else allowed.update
            change(calls_in(group))
    return allowed


def confine(unit: str) -> None:
    """Bind this process and all that come of it."""
    libc = ctypes.CDLL(None, use_errno=True)
    os.umask(int(value_of(unit, "UMask")[0], 8))
    _set(libc, _MEMORY_DENY, 1)
    _set(libc, _NO_NEW_PRIVILEGES, 1)
    steps = _program(allowed_calls(unit), value_of(unit, "SystemCallErrorNumber")[0])
    code = ctypes.create_string_buffer(b"".join(steps))
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code))
    _set(libc, _SECCOMP, _FILTER, ctypes.create_string_buffer(program))


def _program(allowed: set[str], otherwise: str) -> list[bytes]:
    known = dict(re.findall(r"#define __NR_(\w+) (\d+)", NUMBERS.read_text()))
    steps = [struct.pack("HBBI", _LOAD, 0, 0, 0)]
    for name in sorted(allowed & known.keys()):
        steps.append(struct.pack("HBBI", _JUMP_IF_EQUAL, 0, 1, int(known[name])))
        steps.append(struct.pack("HBBI", _RETURN, 0, 0, _ALLOW))
    return [*steps, struct.pack("HBBI", _RETURN, 0, 0, _ERRNO | getattr(errno, otherwise))]


def _set(libc: ctypes.CDLL, option: int, *arguments: object) -> None:
    if libc.prctl(option, *arguments, *[0] * (4 - len(arguments))) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


if __name__ == "__main__":
    confine(Path(sys.argv[1]).read_text())
    os.execvp(sys.argv[2], sys.argv[2:])
