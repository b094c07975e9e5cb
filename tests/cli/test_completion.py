"""What a shell completes, in bash itself."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from obdtrack.cli import _group

ROOT = Path(__file__).resolve().parents[2]

ASK = """
ask() {
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
    local made=$(complete -p "$1"); made=${made##*-F }
    ${made%% *} "$1" 2> /dev/null
    echo "${COMPREPLY[*]}"
}
ask obdtrack rebu
ask obdtrack keys re
ask python -m obdtrack campaign st
ask python other
type -t obdtrack
"""


def script(shell: str) -> str:
    return CliRunner().invoke(_group, ["completion", shell]).output


def test_bash_completes_commands_also_behind_python(tmp_path: Path) -> None:
    bash = shutil.which("bash") or pytest.skip("bash is not installed")
    done = subprocess.run(
        [bash, "-c", script("bash") + ASK], text=True, capture_output=True, cwd=ROOT
    )
    assert done.stderr == ""
    first, second, third, nothing, kind = done.stdout.splitlines()
    assert (first, third, nothing, kind) == ("rebuild", "start stop", "", "function")
    assert "revoke" in second.split()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_asks_this_installation(shell: str) -> None:
    said = script(shell)
    assert said.count("-m obdtrack") >= 2
    assert "_OBDTRACK_COMPLETE=" in said
    assert "$+commands" not in said
