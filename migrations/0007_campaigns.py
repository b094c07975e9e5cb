"""Submissions of several numbers, and campaigns: their plans, their recipients, their totals."""

from peewee import (
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

INDEXES = (
    ("responses", ("submission_id",), "submission_id IS NOT NULL"),
    ("calls", ("campaign_id", "id"), "campaign_id IS NOT NULL"),
    ("calls", ("fingerprint", "created_at"), "fingerprint IS NOT NULL"),
    ("recipients", ("campaign_id", "status", "due_at", "id"), None),
    ("recipients", ("campaign_id", "to_number"), None),
    ("recipients", ("to_number", "id"), "to_number IS NOT NULL"),
    ("recipients", ("call_id",), "call_id IS NOT NULL"),
)


def up(migrator, db):
    # Until now only names of calls were called campaigns.
    db.execute_sql("ALTER TABLE campaigns RENAME TO campaign_names")
    if not isinstance(db, SqliteDatabase):
        db.execute_sql("ALTER INDEX campaigns_pkey RENAME TO campaign_names_pkey")
    db.execute_sql("DROP INDEX campaigns_slot_name")
    db.execute_sql("CREATE INDEX campaign_names_slot_name ON campaign_names (slot, name)")
    migrator.migrate(
        migrator.add_column("submissions", "notes", TextField(null=True)),
        migrator.add_column("responses", "submission_id", BinaryUUIDField(null=True)),
        migrator.add_column("calls", "campaign_id", BinaryUUIDField(null=True)),
        migrator.add_column("calls", "retry_of", BinaryUUIDField(null=True)),
        migrator.add_column("calls", "fingerprint", TextField(null=True)),
    )
    # Twins are looked for among the calls of the last seconds: the old ones are not needed.
    db.execute_sql("DROP INDEX submissions_fingerprint_created_at")
    db.execute_sql("ALTER TABLE submissions DROP COLUMN fingerprint")

    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Campaign(Table):
        id = BinaryUUIDField(primary_key=True)
        name = TextField(unique=True)
        state = TextField()
        reason = TextField(null=True)
        plan = TextField()
        variables_encrypted = BlobField(null=True)
        key_id = BinaryUUIDField(null=True)
        created_at = BigIntegerField()
        changed_at = BigIntegerField()
        started_at = BigIntegerField(null=True)
        ended_at = BigIntegerField(null=True)
        checked = TextField(null=True)

        class Meta:
            table_name = "campaigns"

    class RecipientImport(Table):
        id = BinaryUUIDField(primary_key=True)
        campaign_id = BinaryUUIDField()
        digest = TextField()
        created_at = BigIntegerField()
        completed_at = BigIntegerField(null=True)
        result = TextField()

        class Meta:
            table_name = "recipient_imports"

    class Recipient(Table):
        id = BinaryUUIDField(primary_key=True)
        campaign_id = BinaryUUIDField()
        import_id = BinaryUUIDField()
        row = IntegerField()
        to_number = TextField(null=True)
        reference = TextField(null=True)
        metadata = TextField(null=True)
        variables_encrypted = BlobField(null=True)
        status = TextField()
        reason = TextField(null=True)
        problem = TextField(null=True)
        due_at = BigIntegerField()
        tries = SmallIntegerField()
        call_id = BinaryUUIDField(null=True)

        class Meta:
            table_name = "recipients"

    class CampaignTotal(Table):
        campaign_id = BinaryUUIDField()
        status = TextField()
        recipients = BigIntegerField()

        class Meta:
            table_name = "campaign_totals"
            primary_key = CompositeKey("campaign_id", "status")

    db.create_tables([Campaign, RecipientImport, Recipient, CampaignTotal])
    db.execute_sql(
        "CREATE UNIQUE INDEX recipient_imports_campaign_id_digest "
        "ON recipient_imports (campaign_id, digest)"
    )
    for table, columns, where in INDEXES:
        name = "_".join((table, *columns))
        condition = f" WHERE {where}" if where else ""
        db.execute_sql(f"CREATE INDEX {name} ON {table} ({', '.join(columns)}){condition}")
