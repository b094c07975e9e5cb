"""The schema: submissions, calls and events; deliveries and responses; keys, tasks and figures."""

from peewee import (
    SQL,
    BigIntegerField,
    BinaryUUIDField,
    BlobField,
    BooleanField,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    Model,
    SmallIntegerField,
    SqliteDatabase,
    TextField,
)


def up(migrator, db):
    sqlite = isinstance(db, SqliteDatabase)

    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class ApiKey(Table):
        id = BinaryUUIDField(primary_key=True)
        name = TextField()
        digest = TextField(unique=True)
        scopes = TextField()
        created_at = BigIntegerField()
        last_used_at = BigIntegerField(null=True)
        revoked_at = BigIntegerField(null=True)

        class Meta:
            table_name = "api_keys"

    class Submission(Table):
        id = BinaryUUIDField(primary_key=True)
        created_at = BigIntegerField()
        settled_at = BigIntegerField(null=True)
        bridge = TextField()
        flow_id = TextField(null=True)
        audio = TextField(null=True)
        name = TextField(null=True)
        interval = SmallIntegerField()
        webhook_id = TextField(null=True)
        variable_names = TextField()
        variables_encrypted = BlobField(null=True)
        key_id = BinaryUUIDField(null=True)
        process_id = BinaryUUIDField(null=True)
        fingerprint = TextField(null=True)

        class Meta:
            table_name = "submissions"

    class Call(Table):
        id = BinaryUUIDField(primary_key=True)
        submission = ForeignKeyField(Submission, index=False)
        to_number = TextField()
        name = TextField(null=True)
        reference = TextField(null=True)
        metadata = TextField(null=True)
        interval = SmallIntegerField()
        created_at = BigIntegerField()
        submitted_at = BigIntegerField(null=True)
        provider = TextField(constraints=[SQL("DEFAULT 'mobtexting'")])
        provider_id = TextField(null=True)
        mid = TextField(null=True)
        next_check_at = BigIntegerField(null=True)
        status = TextField()
        reason = TextField(null=True)
        status_source = TextField()
        status_as_of = BigIntegerField()
        answered = BooleanField(null=True)
        conflict = BooleanField()
        attempt_count = IntegerField()
        report_count = IntegerField(constraints=[SQL("DEFAULT 0")])
        started_at = BigIntegerField(null=True)
        ended_at = BigIntegerField(null=True)
        duration_seconds = IntegerField(null=True)
        charges = TextField(null=True)
        billable_seconds = IntegerField(null=True)
        state = TextField(null=True)

        class Meta:
            table_name = "calls"

    class Event(Table):
        call = ForeignKeyField(Call, index=False)
        id = BinaryUUIDField()
        kind = TextField()
        source = TextField()
        status = TextField(null=True)
        reason = TextField(null=True)
        occurred_at = BigIntegerField(null=True)
        recorded_at = BigIntegerField()
        delivery_id = BinaryUUIDField(null=True)
        response_id = BinaryUUIDField(null=True)
        detail = TextField()
        times_seen = IntegerField()

        class Meta:
            table_name = "events"
            primary_key = CompositeKey("call", "id")
            # SQLite then keeps the rows of one call side by side and needs no second index.
            without_rowid = sqlite

    class Delivery(Table):
        id = BinaryUUIDField(primary_key=True)
        received_at = BigIntegerField()
        method = TextField()
        query = TextField()
        headers = TextField()
        content_type = TextField()
        body = BlobField()
        outcome = TextField()
        reason = TextField(null=True)
        call_id = BinaryUUIDField(null=True)
        provider = TextField(constraints=[SQL("DEFAULT 'mobtexting'")])
        provider_id = TextField(null=True)
        mid = TextField(null=True)
        to_number = TextField(null=True)
        secret_fingerprint = TextField(null=True)

        class Meta:
            table_name = "deliveries"

    class Response(Table):
        id = BinaryUUIDField(primary_key=True)
        call_id = BinaryUUIDField(null=True)
        kind = TextField()
        requested_at = BigIntegerField()
        responded_at = BigIntegerField()
        http_status = SmallIntegerField(null=True)
        failure = TextField(null=True)
        message = TextField(null=True)
        body = BlobField(null=True)

        class Meta:
            table_name = "responses"

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

    class Task(Table):
        kind = TextField()
        subject = BinaryUUIDField()
        due_at = BigIntegerField()
        tries = SmallIntegerField()
        leased_until = BigIntegerField(null=True)

        class Meta:
            table_name = "tasks"
            primary_key = CompositeKey("kind", "subject")
            without_rowid = sqlite

    class RateLimit(Table):
        name = TextField(primary_key=True)
        next_at = BigIntegerField()

        class Meta:
            table_name = "rate_limits"

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

    class Statistic(Table):
        name = TextField()
        slot = IntegerField()
        status = TextField()
        source = TextField()
        attempts = SmallIntegerField()
        calls = BigIntegerField()
        priced = BigIntegerField()
        cost = BigIntegerField()

        class Meta:
            table_name = "statistics"
            primary_key = CompositeKey("name", "slot", "status", "source", "attempts")
            # SQLite then keeps the figures of one campaign side by side, in the order of time.
            without_rowid = sqlite

    class Campaign(Table):
        name = TextField(primary_key=True)
        slot = IntegerField()

        class Meta:
            table_name = "campaigns"

    class Audit(Table):
        id = BinaryUUIDField(primary_key=True)
        recorded_at = BigIntegerField()
        action = TextField()
        subject = TextField()
        actor = TextField()
        key_id = BinaryUUIDField(null=True)
        detail = TextField()
        once = TextField(null=True)

        class Meta:
            table_name = "audit"

    def index(model, *columns, unique=False, where=None):
        name = "_".join((model._meta.table_name, *columns))
        fields = [getattr(model, column) for column in columns]
        created = model.index(*fields, unique=unique, name=name)
        model.add_index(created.where(SQL(where)) if where else created)

    index(Submission, "fingerprint", "created_at", where="fingerprint IS NOT NULL")
    index(Call, "provider_id", "provider", unique=True)
    index(Call, "mid", "to_number")
    index(Call, "to_number", "id")
    index(Call, "reference", "id", where="reference IS NOT NULL")
    index(Call, "name", "id", where="name IS NOT NULL")
    index(Call, "status", "id")
    index(Call, "created_at")
    index(Call, "submission")
    index(Delivery, "outcome", "id")
    index(Delivery, "call_id", where="call_id IS NOT NULL")
    index(Delivery, "provider_id", where="provider_id IS NOT NULL")
    index(Delivery, "mid", where="mid IS NOT NULL")
    index(Response, "call_id")
    index(IdempotencyKey, "created_at")
    index(IdempotencyKey, "call_id")
    index(Task, "kind", "due_at")
    index(Campaign, "slot", "name")
    index(Audit, "subject", "id")
    index(Audit, "once", unique=True, where="once IS NOT NULL")
    ending = SQL("(substr(to_number, length(to_number) - 3))")
    Call.add_index(Call.index(ending, Call.id, name="calls_ending_id"))
    attention = SQL("status IN ('unknown', 'unresolved') OR conflict")
    Call.add_index(Call.index(Call.id, name="calls_attention").where(attention))

    whole = [ApiKey, Submission, Call, Event, Response, IdempotencyKey, Lease, Task, RateLimit]
    db.create_tables([*whole, Counter, OptOut, Statistic, Campaign, Audit])
    if sqlite:
        db.create_tables([Delivery])
        return
    # Raw requests are most of the data and the first to go: by the month, ids being times.
    sql, parameters = Delivery._schema._create_table(safe=False).query()
    db.execute_sql(f"{sql} PARTITION BY RANGE (id)", parameters)
    db.execute_sql("CREATE TABLE deliveries_default PARTITION OF deliveries DEFAULT")
    Delivery._schema.create_indexes(safe=False)
