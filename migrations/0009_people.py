"""Keys that end, whom an entry of the audit is about, and what both and opt-outs are listed by."""

from peewee import BigIntegerField, TextField

INDEXES = (
    ("audit", ("person", "id"), "person IS NOT NULL"),
    ("audit", ("actor", "id"), None),
    ("audit", ("action", "id"), None),
    ("audit", ("recorded_at",), None),
    ("opt_outs", ("recorded_at", "number"), None),
)


def up(migrator, db):
    migrator.migrate(
        migrator.add_column("api_keys", "made_by", TextField(null=True)),
        migrator.add_column("api_keys", "expires_at", BigIntegerField(null=True)),
        # The pseudonym of a number; entries of before tell it by their call, as long as that is kept.
        migrator.add_column("audit", "person", TextField(null=True)),
    )
    for table, columns, where in INDEXES:
        name = "_".join((table, *columns))
        condition = f" WHERE {where}" if where else ""
        db.execute_sql(f"CREATE INDEX {name} ON {table} ({', '.join(columns)}){condition}")
