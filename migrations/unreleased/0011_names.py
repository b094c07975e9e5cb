"""Responses, rate limits and statistics under these names; what follows is `0001_initial`."""

from peewee import SqliteDatabase

_TABLES = {"answers": "responses", "paces": "rate_limits", "figures": "statistics"}


def up(migrator, db):
    db.execute_sql("DROP INDEX answers_call_id")
    for old, new in _TABLES.items():
        db.execute_sql(f"ALTER TABLE {old} RENAME TO {new}")
        if not isinstance(db, SqliteDatabase):
            db.execute_sql(f"ALTER INDEX {old}_pkey RENAME TO {new}_pkey")
    db.execute_sql("ALTER TABLE responses RENAME COLUMN answered_at TO responded_at")
    db.execute_sql("ALTER TABLE events RENAME COLUMN answer_id TO response_id")
    db.execute_sql("CREATE INDEX responses_call_id ON responses (call_id)")
    db.execute_sql("UPDATE events SET kind = 'response' WHERE kind = 'answer'")
