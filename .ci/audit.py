"""Looks the locked packages up among known vulnerabilities, for two minutes at most.

Status 1 only if one of them has a vulnerability for which there is a fixed version. Without network
nothing is proved, and that is what it says then.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SECONDS = 120
LOCK = Path(__file__).parents[1] / "requirements.lock"
TOOL = ("uvx", "pip-audit>=2.7,<3")
OPTIONS = ("--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json")


def main() -> int:
    """Judge what pip-audit finds, or what a file given as argument says it found."""
    found = Path(sys.argv[1]).read_text() if len(sys.argv) > 1 else look_up()
    try:
        packages = json.loads(found)["dependencies"]
    except (ValueError, KeyError, TypeError):
        packages = []
    return judge(packages)


def look_up() -> str:
    """Run pip-audit; gives its JSON, or nothing if it could not finish."""
    command = [str(Path(sys.executable).with_name(TOOL[0])), *TOOL[1:], "-r", str(LOCK), *OPTIONS]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"audit: {type(error).__name__}", file=sys.stderr)
        return ""


def judge(packages: list[dict[str, Any]]) -> int:
    """Say what was found; 1 if something must be done."""
    known = [package for package in packages if "skip_reason" not in package]
    fixable = 0
    for package in known:
        for flaw in package.get("vulns", ()):
            fixed = ", ".join(flaw.get("fix_versions", ())) or "no version yet"
            fixable += bool(flaw.get("fix_versions"))
            print(f"audit: {package['name']} {package['version']}: {flaw['id']}, fixed in {fixed}")
    if not known:
        print("audit: NOT DONE, no package could be looked up (is there a network?)")
    elif len(known) < len(packages):
        print(f"audit: {len(packages) - len(known)} packages could not be looked up")
    print(f"audit: {len(known)} packages looked up, {fixable} vulnerabilities to be mended")
    return 1 if fixable else 0


if __name__ == "__main__":
    sys.exit(main())
