"""Builds the package in dist/, installs it into an empty environment and tries it there.

The source tree is out of sight then: another folder, and a Python that does not know this one.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any
from zipfile import ZipFile

from smoke import settings, status

ROOT = Path(__file__).parents[1]
MOST_BYTES = 1_500_000
PATIENCE = 90


def main() -> None:
    """Raise an error at the first step that fails."""
    wheel = build(ROOT / "dist")
    build_client()
    with TemporaryDirectory() as folder:
        try_it(install(wheel, Path(folder, "empty")), Path(folder))


def build(dist: Path) -> Path:
    """Build the sdist, the wheel from it, and the wheel from the tree, which has to be the same."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir"]
    shutil.rmtree(dist, ignore_errors=True)
    run([*command, dist, ROOT])
    (wheel,) = dist.glob("*.whl")
    with TemporaryDirectory() as direct:
        run([*command, direct, "--wheel", ROOT])
        assert wheel.read_bytes() == Path(direct, wheel.name).read_bytes(), "the wheels differ"
    size, names = wheel.stat().st_size, ZipFile(wheel).namelist()
    assert size <= MOST_BYTES, f"the wheel has {size} bytes"
    strange = [name for name in names if "/test" in name or not name.startswith("obdtrack")]
    assert not strange, strange
    print(f"package: {wheel.name}, {size} bytes, {len(names)} files; the sdist builds the same")
    return wheel


def build_client() -> None:
    """Build the client's wheel, which has to be typed and have nothing of ours."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir"]
    with TemporaryDirectory() as direct:
        run([*command, direct, ROOT / "clients" / "python"])
        (wheel,) = Path(direct).glob("*.whl")
        names = ZipFile(wheel).namelist()
    assert "obdtrack_client/py.typed" in names, names
    assert all(name.startswith("obdtrack_client") for name in names), names
    print(f"package: {wheel.name}, {len(names)} files")


def install(wheel: Path, folder: Path) -> Path:
    """Install a wheel as anyone would; gives its program.

    Without a network the packages it needs are borrowed from this environment.
    """
    venv.create(folder, with_pip=True, symlinks=True)
    pip = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", wheel]
    if subprocess.run([*pip, "--retries=1"], cwd=folder, stderr=subprocess.DEVNULL).returncode:
        print("package: no network; packages are borrowed from this environment")
        run([*pip, "--no-index", "--no-deps"], cwd=folder)
        (site,) = folder.glob("lib/python*/site-packages")
        (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin" / "obdtrack"


def try_it(program: Path, folder: Path) -> None:
    """Show the demo; then serve, register the webhook, and have `doctor` find no problem."""
    environ, provider = settings(folder), settings(folder)["OBDTRACK_PORT"]
    environ.pop("PYTHONPATH", None)
    there = {"cwd": folder, "env": environ}
    own = "import obdtrack as o, sys; assert o.__file__.startswith(sys.prefix), o.__file__"
    run([program.with_name("python"), "-c", own], **there)
    run([program, "demo", "--once"], **there)
    environ["OBDTRACK_PROVIDER_URL"] = f"http://127.0.0.1:{provider}/api/v2/"
    base = f"http://127.0.0.1:{environ['OBDTRACK_PORT']}"
    simulated = ("simulator", "--port", provider, "--token", environ["OBDTRACK_PROVIDER_TOKEN"])
    run([program, "migrate"], **there)
    with running([program, *simulated], there), running([program, "serve"], there):
        deadline = monotonic() + PATIENCE
        while status(f"{base}/readyz") != 200:
            assert monotonic() < deadline, "the server does not answer"
            sleep(0.1)
        register = [program, "webhook", "register", "--url", base]
        told = run(register, **there, stdout=subprocess.PIPE, text=True)
        environ["OBDTRACK_WEBHOOK_ID"] = told.strip()
        run([program, "doctor"], **there)


@contextmanager
def running(command: list[Any], options: dict[str, Any]) -> Iterator[None]:
    """Have a command run during the block."""
    with subprocess.Popen(command, **options) as process:
        try:
            yield
        finally:
            process.terminate()


def run(command: list[Any], **options: Any) -> Any:
    """Run a command that succeeds; gives what it said, if that is kept."""
    print("+", *command, flush=True)
    return subprocess.run(command, check=True, timeout=PATIENCE * 2, **options).stdout


if __name__ == "__main__":
    main()
