"""What the benchmark ran on, for whoever reads the results later."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

import psutil

_SYNC_SECONDS = 0.5


def facts(folder: Path) -> dict[str, str]:
    """Return the machine's facts; `folder` is where the databases are."""
    return {
        "processors": f"{os.cpu_count()} ({_processor()})",
        "load before": ", ".join(f"{load:.1f}" for load in psutil.getloadavg()),
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "granian": version("granian"),
        "Flask": version("flask"),
        "wrk": _output("wrk", "-v").split(" Copyright")[0],
        "node": _output("node", "--version"),
        "disk": f"{_syncs(folder):,.0f} writes of 4 KiB a second, each synced",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.split(": ", 1)[1] for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[0].strip()
    except OSError:
        return "none"


def _syncs(folder: Path) -> float:
    block, count, begun = bytes(4096), 0, time.monotonic()
    path = folder / "sync"
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    sync = getattr(os, "fdatasync", os.fsync)
    try:
        while time.monotonic() - begun < _SYNC_SECONDS:
            os.pwrite(handle, block, 4096 * (count % 256))
            sync(handle)
            count += 1
    finally:
        os.close(handle)
        path.unlink()
    return count / _SYNC_SECONDS
