"""`python -m tests.torture.broken MUTANT,… serve`: the real command, broken on purpose.

The mutants are at work before the command is imported, so that every module sees it. The product
has no switch for any of this.
"""

from __future__ import annotations

import runpy
import sys
from contextlib import ExitStack

from tests.torture import mutants


def main() -> None:
    """Run obdtrack's command under the mutants that are named first."""
    with ExitStack() as stack:
        for name in sys.argv.pop(1).split(","):
            stack.enter_context(getattr(mutants, name)())
        runpy.run_module("obdtrack", run_name="__main__", alter_sys=True)


main()
