#!/usr/bin/env bash
# Guess:    `Webhook.sign(id, timestamp, body)` of standardwebhooks takes a datetime, so an aware datetime of any
#           zone stands for its instant.
# Seen:     the Python library replaces the zone by UTC instead of converting: 16:27:39+05:30 is signed as
#           16:27:39 UTC, 19,800 seconds later. The library for Node signs the instant. No error on
#           either side; the receiver says only that no signature matches.
# Matters:  a tracker that works in its local zone and forwards events signs every one of them wrongly, and on a
#           machine in UTC all tests pass. Convert to UTC before signing. (Reported to that project, and
#           open when this was written.)
# Versions: standardwebhooks 1.1.0 (Python), standardwebhooks 1.1.1 (npm).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check standardwebhooks==1.1.0
npm install --silent --no-audit --no-fund --ignore-scripts standardwebhooks@1.1.1 >/dev/null

cat >sign.js <<'JS'
const { Webhook } = require("standardwebhooks");
const secret = "whsec_" + Buffer.from("an example, no secret").toString("base64");
for (const later of [0, 19800]) {
  const instant = new Date(Date.UTC(2021, 3, 9, 10, 57, 39) + later * 1000);
  console.log(new Webhook(secret).sign("m1", instant, '{"status":"ANSWER"}'));
}
JS
cat >try.py <<'PY'
import base64, subprocess
from datetime import datetime, timedelta, timezone
from standardwebhooks import Webhook

node, node_later = subprocess.check_output(["node", "sign.js"], text=True).split()
webhook = Webhook("whsec_" + base64.b64encode(b"an example, no secret").decode())
utc = datetime(2021, 4, 9, 10, 57, 39, tzinfo=timezone.utc)
india = utc.astimezone(timezone(timedelta(hours=5, minutes=30)))
print("same instant:", utc == india)
for name, moment in ("UTC", utc), ("+05:30", india):
    signature = webhook.sign("m1", moment, '{"status":"ANSWER"}')
    print(name, "as Node:", signature == node, "| as Node 19800 s later:", signature == node_later)
PY
seen=$(venv/bin/python try.py)
expected=$(cat <<'END'
same instant: True
UTC as Node: True | as Node 19800 s later: False
+05:30 as Node: False | as Node 19800 s later: True
END
)
diff <(echo "$expected") <(echo "$seen") || { echo "changed: which instant sign() signs" >&2; exit 1; }
echo "$seen"
