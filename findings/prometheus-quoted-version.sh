#!/usr/bin/env bash
# Guess:    the parameters of an Accept header may be quoted, so `version="1.0.0"` and `version=1.0.0` get
#           the same figures (RFC 9110, 5.6.6), from the function that the library offers for choosing.
# Seen:     choose_encoder compares the quotes too: a number that begins with a quote is a text, and
#           comparing it with numbers raises TypeError, for OpenMetrics and for plain text.
# Matters:  a scraper or a proxy that writes the header anew with quotes gets 500 from /metrics, and all
#           alarms that look at the figures fall silent together.
# Versions: prometheus_client 0.26.0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check prometheus_client==0.26.0

cat >try.py <<'PY'
from prometheus_client.exposition import choose_encoder

for accept in (
    "application/openmetrics-text;version=1.0.0",
    'application/openmetrics-text;version="1.0.0"',
    'text/plain;version="0.0.4"',
):
    try:
        print(accept, "->", choose_encoder(accept)[1])
    except TypeError as error:
        print(accept, "-> TypeError:", error)
PY
seen=$(venv/bin/python try.py)
expected=$(cat <<'END'
application/openmetrics-text;version=1.0.0 -> application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores
application/openmetrics-text;version="1.0.0" -> TypeError: '>=' not supported between instances of 'str' and 'int'
text/plain;version="0.0.4" -> TypeError: '>=' not supported between instances of 'str' and 'int'
END
)
diff <(echo "$expected") <(echo "$seen") || { echo "changed: how a quoted version is read" >&2; exit 1; }
echo "$seen"
