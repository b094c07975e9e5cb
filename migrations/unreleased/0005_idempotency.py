"""Two indexes over all idempotency keys: SQLite never used them while they left out what is null.

The columns cannot be null, so that SQLite takes the condition for granted, forgets it, and then
cannot tell that the index holds every row.
"""

_COLUMNS = ("created_at", "call_id")


def up(migrator, db):
    for column in _COLUMNS:
        db.execute_sql(f'DROP INDEX "idempotency_keys_{column}"')
        db.execute_sql(
            f'CREATE INDEX "idempotency_keys_{column}" ON "idempotency_keys" ("{column}")'
        )
