"""Calls by the reason why they failed, newest first."""


def up(migrator, db):
    db.execute_sql("CREATE INDEX calls_reason_id ON calls (reason, id) WHERE reason IS NOT NULL")
