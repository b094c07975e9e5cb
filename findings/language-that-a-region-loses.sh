#!/usr/bin/env bash
# Guess:    of the languages a site has, `accept_languages.best_match` gives the one that the reader wants most; a
#           region (`hi-IN`) only says more exactly which.
# Seen:     a language that is named without a region wins over any with one, whatever their weights: with `en` and
#           `hi` to choose from, `en-GB, hi;q=0.1` gives `hi`, and `hi-IN, en;q=0.5` gives `en`. Only if nothing is
#           named exactly are regions left out. Babel's `negotiate_locale`, given the same tags in their order, takes
#           the first language in all cases.
# Matters:  this call is how a Flask application usually chooses its language. Who reads Hindi is shown English where
#           a client sends `hi-IN` without `hi` behind it.
# Versions: Werkzeug 3.1.9, Babel 2.19.0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check werkzeug==3.1.9 babel==2.19.0
cat >try.py <<'PY'
from babel import negotiate_locale
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

for header in ("hi-IN, en;q=0.5", "en-GB, hi;q=0.1", "hi-IN, hi;q=0.9, en;q=0.5"):
    wanted = parse_accept_header(header, LanguageAccept)
    tags = [tag.replace("-", "_") for tag in wanted.values()]
    print(header, "|", wanted.best_match(["en", "hi"]), "|", negotiate_locale(tags, ["en", "hi"]))
PY
seen=$(venv/bin/python try.py)
expected=$(cat <<'END'
hi-IN, en;q=0.5 | en | hi
en-GB, hi;q=0.1 | hi | en
hi-IN, hi;q=0.9, en;q=0.5 | hi | hi
END
)
diff <(echo "$expected") <(echo "$seen") || { echo "changed: which language a reader is given" >&2; exit 1; }
echo "$seen"
