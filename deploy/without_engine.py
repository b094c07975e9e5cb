#!/usr/bin/env python3
"""Does what the Containerfile says on a machine without a container engine, and tries the result.

    sudo deploy/without_engine.py

The steps are read from the Containerfile. They are done in a mount namespace of their own, so that
nothing of this machine is changed: its root stands for that of the image, the Python that runs this
for the image's. Then, as in compose.yaml, all but the volume and /tmp is made read-only, and as the
image's user, without any capability, the demo is shown, a server is started, asked by the health
check, and stopped. Not tried: the images of others (Python's, Caddy, PostgreSQL), their network,
and what the engine does with volumes and secrets.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INSIDE = "--inside"
PATIENCE = 60
SECRETS = ("PROVIDER_TOKEN", "WEBHOOK_SECRETS", "SECRET_KEY")
EMPTY = ("/opt", "/tmp", "/run", "/var/lib")


def instructions(source: Path = ROOT) -> list[tuple[str, str]]:
    """Return the instructions of the Containerfile in this folder, in order."""
    lines = (source / "Containerfile").read_text().replace("\\\n", " ").splitlines()
    return [tuple(line.split(maxsplit=1)) for line in lines if line and not line.startswith("#")]


def main() -> None:
    """Enter the namespace; in there, build and try."""
    if INSIDE not in sys.argv:
        if os.geteuid():
            sys.exit("without_engine: run it as root; nothing of this machine is changed")
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        os.execvp("unshare", [*command, sys.executable, __file__, INSIDE])
    said = build()
    seal(said["VOLUME"])
    try_it(said)


def build() -> dict[str, str]:
    """Do the steps; gives the last of each instruction, ENV's all together."""
    # The repository, also if it lies below what is empty from now on.
    source = Path("/proc/self/fd", str(os.open(ROOT, os.O_RDONLY)))
    mount("--bind", sys.base_prefix, "/usr/local")
    for place in EMPTY:
        mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", place)
    # In Python's image its library is known to the linker.
    said = {"ENV": "PATH=/usr/local/bin:/usr/bin:/bin LD_LIBRARY_PATH=/usr/local/lib"}
    for word, text in instructions(source):
        print(f"+ {word} {text}", flush=True)
        if word == "RUN":
            subprocess.run(shlex.split(text), check=True, env=environ(said))
        elif word == "WORKDIR":
            Path(text).mkdir(parents=True, exist_ok=True)
            os.chdir(text)
        elif word == "COPY" and not text.startswith("--from"):
            *files, place = text.split()
            for file in files:
                copy(source / file, Path(place, file) if place == "./" else Path(place))
        said[word] = f"{said['ENV']} {text}" if word == "ENV" else text
    shutil.rmtree("/opt/source")  # the second image is without it
    return said


def copy(what: Path, where: Path) -> None:
    """Copy a file or a folder."""
    (shutil.copytree if what.is_dir() else shutil.copy)(what, where)


def environ(said: dict[str, str]) -> dict[str, str]:
    """Return the environment that the image has."""
    return dict(pair.split("=", 1) for pair in said["ENV"].split())


def seal(volume: str) -> None:
    """Make all read-only but the volume and /tmp."""
    mount("--bind", volume, volume)
    table = Path("/proc/self/mounts").read_text().splitlines()
    for point in {line.split()[1] for line in table} - {volume, "/tmp", "/run"}:
        hidden = not Path(point).exists()
        if not hidden and not re.match(r"/(proc|sys|dev)(/|$)", point):
            mount("-o", "remount,bind,ro", point)
    for place in ("/opt/obdtrack/bin/new", "/etc/new", "/usr/local/new"):
        try:
            Path(place).touch()
        except OSError as error:
            sealed = error.errno == errno.EROFS
        else:
            sealed = False
        assert sealed, f"{place} can be written"


def try_it(said: dict[str, str]) -> None:
    """Show the demo and serve, as the image's user; raises an error if anything is not well."""
    user, group = said["USER"].split(":")
    rights = [
        "setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs",
        "--bounding-set=-all", "--inh-caps=-all",
    ]  # fmt: skip
    own = environ(said)
    for name in SECRETS:
        file = Path("/run", name.lower())
        file.write_text("a-secret-long-enough\n")
        os.chown(file, int(user), int(group))
        file.chmod(0o400)
        own[f"OBDTRACK_{name}_FILE"] = str(file)
    program = json.loads(said["ENTRYPOINT"])
    check = json.loads(said["HEALTHCHECK"].partition(" CMD ")[2])
    os.chdir(said["WORKDIR"])

    def run(*words: str) -> None:
        print("+", *words, flush=True)
        subprocess.run([*rights, *words], check=True, env=own, timeout=2 * PATIENCE)

    run(*program, "demo", "--once")
    run(*program, "migrate")
    with subprocess.Popen([*rights, *program, *json.loads(said["CMD"])], env=own) as server:
        deadline = time.monotonic() + PATIENCE
        while subprocess.run([*rights, *check], env=own, stderr=subprocess.DEVNULL).returncode:
            assert server.poll() is None, "the server ended by itself"
            assert time.monotonic() < deadline, "the health check never found the server well"
            time.sleep(0.2)
        print("+ the health check finds it well; it is told to stop", flush=True)
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE) == 0
    assert subprocess.run([*rights, *check], env=own, stderr=subprocess.DEVNULL).returncode
    print("without_engine: built, sealed, shown, served, found well and stopped")


def mount(*words: str) -> None:
    """Mount in this namespace."""
    subprocess.run(["mount", *words], check=True)


if __name__ == "__main__":
    main()
