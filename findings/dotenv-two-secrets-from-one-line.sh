#!/usr/bin/env bash
# Guess:    a `.env` file shared by a Python service and a Node client gives both the same secret.
# Seen:     unquoted, Node's dotenv cuts at `#` even without a blank before it, python-dotenv does not;
#           python-dotenv fills in ${...}, even within single quotes, with nothing where no such variable
#           exists, and Node's dotenv never does; \" within quotes and backticks differ as well. Neither
#           warns. Quotes cure `#`; only dotenv_values(interpolate=False) cures ${...}.
# Matters:  both sides start, and every signed or authorised request between them is refused. Secrets for a
#           shared file are best made of letters and digits.
# Versions: python-dotenv 1.2.4, dotenv 18.0.10 (npm).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check python-dotenv==1.2.4
npm install --silent --no-audit --no-fund --ignore-scripts dotenv@18.0.10 >/dev/null

cat >shared.env <<'ENV'
HASH=7f3a#c91e
HASH_QUOTED='7f3a#c91e'
BRACE=k8${no_such_name}Qz
BRACE_DOUBLE="k8${no_such_name}Qz"
BRACE_SINGLE='k8${no_such_name}Qz'
TICK=`7f3ac91e`
ESCAPED="7f\"3a"
ENV
cat >read.js <<'JS'
const file = require("fs").readFileSync("shared.env");
console.log(JSON.stringify(require("dotenv").parse(file)));
JS
cat >try.py <<'PY'
import json, subprocess
from dotenv import dotenv_values

node = json.loads(subprocess.check_output(["node", "read.js"], text=True))
for name, value in dotenv_values("shared.env").items():
    print(name, "python", value, "node", node[name])
print("interpolate=False", dotenv_values("shared.env", interpolate=False)["BRACE_SINGLE"])
PY
seen=$(venv/bin/python try.py)
expected=$(cat <<'END'
HASH python 7f3a#c91e node 7f3a
HASH_QUOTED python 7f3a#c91e node 7f3a#c91e
BRACE python k8Qz node k8${no_such_name}Qz
BRACE_DOUBLE python k8Qz node k8${no_such_name}Qz
BRACE_SINGLE python k8Qz node k8${no_such_name}Qz
TICK python `7f3ac91e` node 7f3ac91e
ESCAPED python 7f"3a node 7f\"3a
interpolate=False k8${no_such_name}Qz
END
)
diff <(echo "$expected") <(echo "$seen") || { echo "changed: how the two libraries read one file" >&2; exit 1; }
echo "$seen"
