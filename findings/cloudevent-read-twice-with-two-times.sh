#!/usr/bin/env bash
# Guess:    an event that is read and written again by a CloudEvents library says what it said, `time` among it: that
#           attribute is optional, and its text may have any fraction of a second.
# Seen:     both the JavaScript and the Python library give an event without `time` the time at which it was read: the
#           same bytes read twice are two events of different times, and nothing tells that nobody had said so. Of a
#           time in microseconds the JavaScript library keeps the milliseconds, cut and not rounded.
# Matters:  whoever orders or expires events by `time` takes an old one that was read just now for the newest, and
#           whoever compares a copy with what was sent finds a difference.
# Versions: cloudevents 10.0.0 (npm), cloudevents 2.2.0 (PyPI).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts cloudevents@10.0.0 >/dev/null
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check cloudevents==2.2.0
cat >try.js <<'JS'
const { HTTP } = require("cloudevents");

const event = { specversion: "1.0", id: "1", source: "/calls", type: "call.busy", data: 1 };
const read = (body) => HTTP.toEvent({ headers: { "content-type": "application/cloudevents+json" }, body });
const precise = JSON.stringify({ ...event, time: "2026-11-23T12:00:00.123999Z" });
console.log("JavaScript, microseconds:", read(precise).time);
const began = Date.now();
const first = read(JSON.stringify(event)).time;
while (Date.now() < began + 50);
const second = read(JSON.stringify(event)).time;
const now = Date.parse(first) >= began && Date.parse(second) > Date.parse(first);
console.log("JavaScript, no time:", now ? "the time of reading, another each time" : first);
JS
cat >try.py <<'PY'
import json
from datetime import UTC, datetime

from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

event = {"specversion": "1.0", "id": "1", "source": "/calls", "type": "call.busy", "data": 1}


def read_and_written(**more):
    read = JSONFormat().read(CloudEvent, json.dumps({**event, **more}))
    return json.loads(JSONFormat().write(read)).get("time")


print("Python, microseconds:", read_and_written(time="2026-11-23T12:00:00.123999Z"))
began = datetime.now(UTC)
first, second = (datetime.fromisoformat(read_and_written()) for _ in range(2))
now = began < first < second
print("Python, no time:", "the time of reading, another each time" if now else first)
PY
seen=$(node try.js; venv/bin/python try.py)
expected=$(cat <<'END'
JavaScript, microseconds: 2026-11-23T12:00:00.123Z
JavaScript, no time: the time of reading, another each time
Python, microseconds: 2026-11-23T12:00:00.123999Z
Python, no time: the time of reading, another each time
END
)
diff <(echo "$expected") <(echo "$seen") || { echo "changed: what libraries make of an event's time" >&2; exit 1; }
echo "$seen"
