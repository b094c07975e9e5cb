"""`completion`: what has a shell complete commands and options."""

from __future__ import annotations

import shlex
import sys

import click
from click.shell_completion import get_completion_class

from obdtrack.cli import COMPLETE_VARIABLE
from obdtrack.cli.output import examples

_FUNCTION = "_obdtrack_completion"

# Shell -> what makes `obdtrack` a command there, and where click would run a program of that name.
_SHELLS = {
    "bash": ('obdtrack() {{ {} "$@"; }}\n', " $1)", " {})"),
    "zsh": ('obdtrack() {{ {} "$@"; }}\n', "=zsh_complete obdtrack)", "=zsh_complete {})"),
    "fish": ("function obdtrack; {} $argv; end\n", "-t) obdtrack)", "-t) {})"),
}  # fmt: skip

_NO_PROGRAM = "    (( ! $+commands[obdtrack] )) && return 1\n"
"""Where zsh's script gives up, as it knows no function."""

_AFTER_PYTHON = f"""
_obdtrack_python() {{
    [[ ${{COMP_WORDS[1]}} == -m && ${{COMP_WORDS[2]}} == obdtrack ]] || return 0
    COMP_WORDS=(obdtrack "${{COMP_WORDS[@]:3}}")
    COMP_CWORD=$((COMP_CWORD - 2))
    {_FUNCTION} obdtrack
}}
complete -o nosort -o bashdefault -o default -F _obdtrack_python python python3
"""
"""In bash what follows `python -m obdtrack` is completed too; the rest after `python` as before."""


@click.command(
    epilog=examples(
        "completion bash >> ~/.bashrc",
        "completion fish > ~/.config/fish/conf.d/obdtrack.fish",
    )
)
@click.argument("shell", type=click.Choice(list(_SHELLS)))
def command(shell: str) -> None:
    """Have the shell complete commands and options.

    Prints a script for the shell's start-up file. It defines `obdtrack` as a command that runs this
    installation, and completes it; in bash also what follows `python -m obdtrack`.
    """
    runs = f"{shlex.quote(sys.executable)} -m obdtrack"
    defined, calls, own = _SHELLS[shell]
    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"This version of click completes nothing in {shell}.")
    script = made.source_template % {
        "complete_func": _FUNCTION, "complete_var": COMPLETE_VARIABLE, "prog_name": "obdtrack",
    }  # fmt: skip
    script = script.replace(_NO_PROGRAM, "").replace(calls, own.format(runs))
    click.echo(defined.format(runs) + script, nl=False)
    if shell == "bash":
        click.echo(_AFTER_PYTHON, nl=False)
