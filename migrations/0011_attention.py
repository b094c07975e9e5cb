"""What needs a person's attention, until somebody has looked at it."""

from peewee import BigIntegerField, SqliteDatabase


def up(migrator, db):
    boolean = "INTEGER" if isinstance(db, SqliteDatabase) else "BOOLEAN"
    # By itself, as the migrator would write every row anew.
    db.execute_sql(f"ALTER TABLE calls ADD COLUMN needs_attention {boolean} NOT NULL DEFAULT false")
    migrator.migrate(migrator.add_column("deliveries", "reviewed_at", BigIntegerField(null=True)))
    # Those are few, and the index that goes finds them.
    db.execute_sql(
        "UPDATE calls SET needs_attention = true"
        " WHERE status IN ('unknown', 'unresolved') OR conflict"
    )
    db.execute_sql("DROP INDEX calls_attention")
    db.execute_sql("CREATE INDEX calls_attention ON calls (id) WHERE needs_attention")
    db.execute_sql("CREATE INDEX calls_conflict ON calls (id) WHERE conflict")
    db.execute_sql(
        "CREATE INDEX deliveries_attention ON deliveries (id)"
        " WHERE reviewed_at IS NULL AND outcome IN ('unmatched', 'unreadable', 'failed')"
        " AND (call_id IS NULL OR outcome = 'failed')"
    )
