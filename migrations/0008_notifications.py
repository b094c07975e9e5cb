"""What happened, in one order; who is to hear of it, what was sent to them; and alarms."""

from peewee import (
    BigAutoField,
    BigIntegerField,
    BinaryUUIDField,
    BlobField,
    CompositeKey,
    IntegerField,
    Model,
    SmallIntegerField,
    SqliteDatabase,
    TextField,
)
from playhouse.sqlite_ext import AutoIncrementField

INDEXES = (
    ("feed", ("subject", "position"), "subject IS NOT NULL"),
    ("feed", ("campaign_id", "position"), "campaign_id IS NOT NULL"),
    ("notifications", ("destination_id", "status", "due_at"), None),
    ("notifications", ("destination_id", "subject", "position"), "status = 'pending'"),
    ("notifications", ("destination_id", "id"), None),
    ("notifications", ("created_at",), None),
    ("alarm_tellings", ("target_id",), "end_told_at IS NULL"),
)


def up(migrator, db):
    sqlite = isinstance(db, SqliteDatabase)

    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class FeedRow(Table):
        # No position is ever given twice, also not after all rows were deleted.
        position = AutoIncrementField() if sqlite else BigAutoField()
        id = BinaryUUIDField()
        type = TextField()
        recorded_at = BigIntegerField()
        subject = BinaryUUIDField(null=True)
        campaign_id = BinaryUUIDField(null=True)
        data = TextField(null=True)
        changed = TextField(null=True)

        class Meta:
            table_name = "feed"

    class Destination(Table):
        id = BinaryUUIDField(primary_key=True)
        url = TextField()
        types = TextField()
        filter = TextField()
        numbers = TextField()
        secret_encrypted = BlobField()
        old_secret_encrypted = BlobField(null=True)
        rotated_at = BigIntegerField(null=True)
        state = TextField()
        reason = TextField(null=True)
        created_at = BigIntegerField()
        changed_at = BigIntegerField()
        position = BigIntegerField()
        failing_since = BigIntegerField(null=True)
        delivered_at = BigIntegerField(null=True)
        key_id = BinaryUUIDField(null=True)

        class Meta:
            table_name = "destinations"

    class Notification(Table):
        id = BinaryUUIDField(primary_key=True)
        destination_id = BinaryUUIDField()
        position = BigIntegerField()
        event_id = BinaryUUIDField()
        type = TextField()
        subject = BinaryUUIDField(null=True)
        status = TextField()
        tries = SmallIntegerField()
        created_at = BigIntegerField()
        due_at = BigIntegerField()
        tried_at = BigIntegerField(null=True)
        duration_ms = IntegerField(null=True)
        http_status = SmallIntegerField(null=True)
        failure = TextField(null=True)
        response = TextField(null=True)

        class Meta:
            table_name = "notifications"

    class Alarm(Table):
        id = BinaryUUIDField(primary_key=True)
        rule = TextField()
        subject = TextField()
        opened_at = BigIntegerField()
        ended_at = BigIntegerField(null=True)
        detail = TextField()

        class Meta:
            table_name = "alarms"

    class AlarmTelling(Table):
        alarm_id = BinaryUUIDField()
        target_id = BinaryUUIDField()
        told_at = BigIntegerField(null=True)
        end_told_at = BigIntegerField(null=True)

        class Meta:
            table_name = "alarm_tellings"
            primary_key = CompositeKey("alarm_id", "target_id")

    db.create_tables([FeedRow, Destination, Notification, Alarm, AlarmTelling])
    db.execute_sql(
        "CREATE UNIQUE INDEX alarms_rule_subject ON alarms (rule, subject) WHERE ended_at IS NULL"
    )
    db.execute_sql(
        "CREATE UNIQUE INDEX notifications_destination_id_position "
        "ON notifications (destination_id, position)"
    )
    migrator.migrate(
        # How far a campaign's recipients have been told that they are to be called, and when all had.
        migrator.add_column("recipient_imports", "told_through", BinaryUUIDField(null=True)),
        migrator.add_column("campaigns", "told_at", BigIntegerField(null=True)),
    )
    for table, columns, where in INDEXES:
        name = "_".join((table, *columns))
        condition = f" WHERE {where}" if where else ""
        db.execute_sql(f"CREATE INDEX {name} ON {table} ({', '.join(columns)}){condition}")
