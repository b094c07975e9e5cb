"""The provider's ids in one spelling: those of calls, and those that deliveries wait for."""

import re

_UUID = re.compile(
    r"(?:urn:uuid:)?[{(]?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})"
    r"[})]?(:[0-9]+)?[})]?",
    re.IGNORECASE,
)
_COLUMNS = {"calls": ("mid", "provider_id"), "deliveries": ("mid", "provider_id")}


def up(migrator, db):
    for table, columns in _COLUMNS.items():
        for column in columns:
            _respell(db, table, column)


def _respell(db, table, column):
    # What is in the usual spelling already, nearly every row, never leaves the database.
    odd = f"""SELECT id, {column} FROM {table} WHERE {column} <> lower({column})
        OR substr({column}, 1, 1) IN ('{{', '(', 'u') OR substr({column}, 9, 1) <> '-'"""
    taken = f"SELECT 1 FROM calls WHERE provider_id = {db.param}"
    change = f"UPDATE {table} SET {column} = {db.param} WHERE id = {db.param}"
    for key, text in db.execute_sql(odd).fetchall():
        if found := _UUID.fullmatch(text.strip()):
            *parts, number = found.groups(default="")
            spelled = "-".join(parts).lower() + number
            unique = (table, column) == ("calls", "provider_id")
            if not (unique and db.execute_sql(taken, (spelled,)).fetchone()):
                db.execute_sql(change, (spelled, key))
