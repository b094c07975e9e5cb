#!/usr/bin/env bash
# Guess:    `"data": null` in a CloudEvent is data: the JSON format says that a member `data` of any JSON type, null
#           among them, is the event's data, and no member means that it has none. A library keeps the two apart.
# Seen:     neither the JavaScript nor the Python library does. What was read with `"data": null` is written without
#           the member, and in the binary mode of HTTP, where the data is the body, there is no body at all, with
#           `content-type: application/json` beside it. So the receiver's JSON reader is given nothing to read.
# Matters:  null says "it is gone", as of a record that was deleted since the event; behind a relay the event looks as
#           if it never had data, and a receiver of the binary mode fails on an empty body.
# Versions: cloudevents 10.0.0 (npm), cloudevents 2.2.0 (PyPI).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts cloudevents@10.0.0 >/dev/null
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check cloudevents==2.2.0
cat >event.json <<'JSON'
{"specversion": "1.0", "id": "1", "source": "/calls", "type": "call.busy", "time": "2026-11-23T12:00:00Z",
 "datacontenttype": "application/json", "data": null}
JSON
cat >try.js <<'JS'
const { HTTP } = require("cloudevents");
const body = require("node:fs").readFileSync("event.json", "utf8");

const event = HTTP.toEvent({ headers: { "content-type": "application/cloudevents+json" }, body });
console.log("JavaScript, written again: data", "data" in JSON.parse(HTTP.structured(event).body) ? "is there" : "is gone");
const binary = HTTP.binary(event);
console.log("JavaScript, binary:", binary.headers["content-type"], "and the body", binary.body);
JS
cat >try.py <<'PY'
import json

from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from cloudevents.v1.conversion import to_binary
from cloudevents.v1.http import from_json

body = open("event.json").read()
again = json.loads(JSONFormat().write(JSONFormat().read(CloudEvent, body)))
print("Python, written again: data", "is there" if "data" in again else "is gone")
headers, data = to_binary(from_json(body))
print("Python, binary:", headers["content-type"], "and the body", data)
PY
seen=$(node try.js; venv/bin/python -W ignore try.py)
expected=$(cat <<'END'
JavaScript, written again: data is gone
JavaScript, binary: application/json and the body undefined
Python, written again: data is gone
Python, binary: application/json and the body None
END
)
diff <(echo "$expected") <(echo "$seen") || { echo "changed: what libraries make of data that is null" >&2; exit 1; }
echo "$seen"
