"""Makes the pictures of the README from the demo: `make pictures` (needs chromium)."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Page, sync_playwright

from obdtrack.cli.ports import free_port

PICTURES = Path(__file__).resolve().parent
SIZE = {"width": 1250, "height": 1060}
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
ENDINGS = ("01", "11", "13", "02", "01", "17", "03", "16", "14", "04", "05")


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("There is no chromium on this machine; the pictures are made with one.")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        base = f"http://127.0.0.1:{free_port()}"
        demo = _demo(base, folder)
        try:
            key = _key(demo)
            redialed = _place_more(base, key)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
                _take(browser, base, key, redialed)
                browser.close()
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait(timeout=60)


def _demo(base: str, folder: str) -> subprocess.Popen[str]:
    environ = {**os.environ, "OBDTRACK_DATABASE_URL": f"sqlite:///{folder}/demo.db"}
    environ["OBDTRACK_PORT"] = base.rpartition(":")[2]
    command = [sys.executable, "-m", "obdtrack", "demo"]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)


def _key(demo: subprocess.Popen[str]) -> str:
    assert demo.stdout is not None
    key = ""
    for line in demo.stdout:
        if found := re.search(r"^ +(obd_\S+)$", line):
            key = found.group(1)
        if "Stop with" in line:
            return key
    raise SystemExit("The demo ended before it was ready.")


def _place_more(base: str, key: str) -> str:
    """Place some calls of two campaigns, and give the one that was reported in two ways."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {key}"
    for count, ending in enumerate(ENDINGS):
        name = "spring-offer" if count % 3 else "delivery-notice"
        _place(session, base, f"+9198450120{ending}", name=name, reference=f"order-{700 + count}")
    conflicting = _place(
        session, base, "+919845012027", name="delivery-notice", reference="order-9"
    )
    _place(session, base, "+919845012034", name="spring-offer", reference="order-10")
    call: Any = conflicting
    for _ in range(300):
        call = session.get(f"{base}/api/v1/calls/{conflicting['id']}", timeout=10).json()
        if call["conflict"]:
            break
    seen = {"action": "seen", "note": "one attempt, reported in two ways"}
    session.post(f"{base}/api/v1/calls/{call['id']}/resolve", json=seen, timeout=10)
    return str(call["id"])


def _place(session: requests.Session, base: str, to: str, **body: Any) -> Any:
    body = {"to": to, "flow_id": "23", **body}
    return session.post(f"{base}/api/v1/calls", json=body, timeout=30).json()


def _take(browser: Any, base: str, key: str, call_id: str) -> None:
    light = _signed_in(browser, base, key, "light")
    light.wait_for_timeout(6000)  # the last reports come in, and the pages show them
    light.goto(base)
    light.screenshot(path=PICTURES / "calls.png")
    light.goto(f"{base}/calls/{call_id}")
    light.screenshot(path=PICTURES / "call.png")
    dark = _signed_in(browser, base, key, "dark")
    dark.goto(f"{base}/campaigns/spring-offer")
    dark.screenshot(path=PICTURES / "campaign.png")


def _signed_in(browser: Any, base: str, key: str, scheme: str) -> Page:
    page: Page = browser.new_page(viewport=SIZE, color_scheme=scheme, timezone_id="Asia/Kolkata")
    page.goto(f"{base}/sign-in")
    page.fill("#key", key)
    page.click("main button")
    page.wait_for_url(f"{base}/")
    return page


if __name__ == "__main__":
    main()
