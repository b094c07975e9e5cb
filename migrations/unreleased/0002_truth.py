"""What keeps the promises under failure: idempotency keys, leases, paces, counters, opt-outs."""

from peewee import (
    BigIntegerField,
    BinaryUUIDField,
    CompositeKey,
    Model,
    SmallIntegerField,
    TextField,
)


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class IdempotencyKey(Table):
        owner_id = BinaryUUIDField()
        key = TextField()
        fingerprint = TextField()
        call_id = BinaryUUIDField()
        created_at = BigIntegerField()
        http_status = SmallIntegerField(null=True)
        body = TextField(null=True)

        class Meta:
            table_name = "idempotency_keys"
            primary_key = CompositeKey("owner_id", "key")

    class Lease(Table):
        name = TextField(primary_key=True)
        holder = BinaryUUIDField()
        expires_at = BigIntegerField()

        class Meta:
            table_name = "leases"

    class Pace(Table):
        name = TextField(primary_key=True)
        next_at = BigIntegerField()

        class Meta:
            table_name = "paces"

    class Counter(Table):
        name = TextField(primary_key=True)
        value = BigIntegerField()

        class Meta:
            table_name = "counters"

    class OptOut(Table):
        number = TextField(primary_key=True)
        occurred_at = BigIntegerField(null=True)
        recorded_at = BigIntegerField()
        delivery_id = BinaryUUIDField(null=True)

        class Meta:
            table_name = "opt_outs"

    db.create_tables([IdempotencyKey, Lease, Pace, Counter, OptOut])
    migrator.migrate(
        migrator.add_column("submissions", "process_id", BinaryUUIDField(null=True)),
        migrator.add_column("submissions", "fingerprint", TextField(null=True)),
        migrator.add_column("deliveries", "secret_fingerprint", TextField(null=True)),
    )

    def index(table, *columns, where):
        names = ", ".join(columns)
        name = "_".join((table, *columns))
        db.execute_sql(f'CREATE INDEX "{name}" ON "{table}" ({names}) WHERE {where}')

    index("submissions", "fingerprint", "created_at", where="fingerprint IS NOT NULL")
    index("calls", "next_check_at", where="next_check_at IS NOT NULL")
    index("idempotency_keys", "created_at", where="created_at IS NOT NULL")
    index("idempotency_keys", "call_id", where="call_id IS NOT NULL")
