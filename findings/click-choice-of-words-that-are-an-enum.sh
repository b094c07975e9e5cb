#!/usr/bin/env bash
# Guess:    members of a StrEnum are strings, so click.Choice(list(Status)) offers the same words as
#           click.Choice(["no-answer"]): it did for years.
# Seen:     since 8.2 a Choice of members of an enumeration takes their *names* and not the strings that they are, also
#           from a list of them: `no-answer` is refused, `NO_ANSWER` is taken. The help says NO_ANSWER too. What the
#           command is given is the member. With 8.1 it is the other way round.
# Matters:  a command line whose words are written in documents and scripts changes with an upgrade of click: every
#           script that says `--status no-answer` ends with a usage error.
# Versions: click 8.1.8 and 8.5.1.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >try.py <<'PY'
from enum import StrEnum
from importlib.metadata import version

import click
from click.testing import CliRunner


class Status(StrEnum):
    NO_ANSWER = "no-answer"


@click.command()
@click.option("--status", type=click.Choice(list(Status)))
def command(status):
    print(repr(status), status == "no-answer")


for word in ("no-answer", "NO_ANSWER"):
    ran = CliRunner().invoke(command, ["--status", word])
    print(version("click"), word, "->", ran.output.strip().splitlines()[-1])
PY
for version in 8.1.8 8.5.1; do
  python3 -m venv "venv-$version"
  "venv-$version/bin/pip" install --quiet --disable-pip-version-check "click==$version"
  "venv-$version/bin/python" try.py
done >seen
expected=$(cat <<'END'
8.1.8 no-answer -> <Status.NO_ANSWER: 'no-answer'> True
8.1.8 NO_ANSWER -> Error: Invalid value for '--status': 'NO_ANSWER' is not <Status.NO_ANSWER: 'no-answer'>.
8.5.1 no-answer -> Error: Invalid value for '--status': 'no-answer' is not 'NO_ANSWER'.
8.5.1 NO_ANSWER -> <Status.NO_ANSWER: 'no-answer'> True
END
)
diff <(echo "$expected") seen || { echo "changed: what a Choice of an enumeration takes" >&2; exit 1; }
cat seen
