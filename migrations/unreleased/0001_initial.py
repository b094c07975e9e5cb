"""The first tables: keys, submissions, calls, events, deliveries, answers."""

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
        answer_id = BinaryUUIDField(null=True)
        detail = TextField()
        times_seen = IntegerField()

        class Meta:
            table_name = "events"
            primary_key = CompositeKey("call", "id")
            # SQLite then keeps the rows of one call side by side and needs no second index.
            without_rowid = isinstance(db, SqliteDatabase)

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
        provider_id = TextField(null=True)
        mid = TextField(null=True)
        to_number = TextField(null=True)

        class Meta:
            table_name = "deliveries"

    class Answer(Table):
        id = BinaryUUIDField(primary_key=True)
        call_id = BinaryUUIDField(null=True)
        kind = TextField()
        requested_at = BigIntegerField()
        answered_at = BigIntegerField()
        http_status = SmallIntegerField(null=True)
        failure = TextField(null=True)
        message = TextField(null=True)
        body = BlobField(null=True)

        class Meta:
            table_name = "answers"

    def index(model, *columns, unique=False, where=None):
        name = "_".join((model._meta.table_name, *columns))
        fields = [getattr(model, column) for column in columns]
        created = model.index(*fields, unique=unique, name=name)
        model.add_index(created.where(SQL(where)) if where else created)

    index(Call, "provider_id", unique=True)
    index(Call, "mid", "to_number")
    index(Call, "to_number", "id")
    index(Call, "reference", "id", where="reference IS NOT NULL")
    index(Call, "name", "id", where="name IS NOT NULL")
    index(Call, "status", "id")
    index(Delivery, "outcome", "id")
    index(Delivery, "call_id", where="call_id IS NOT NULL")
    index(Delivery, "provider_id", where="provider_id IS NOT NULL")
    index(Delivery, "mid", where="mid IS NOT NULL")
    index(Answer, "call_id")

    db.create_tables([ApiKey, Submission, Call, Event, Answer])
    if isinstance(db, SqliteDatabase):
        db.create_tables([Delivery])
        return
    # Raw requests are most of the data and the first to go: by the month, ids being times.
    sql, parameters = Delivery._schema._create_table(safe=False).query()
    db.execute_sql(f"{sql} PARTITION BY RANGE (id)", parameters)
    db.execute_sql("CREATE TABLE deliveries_default PARTITION OF deliveries DEFAULT")
    Delivery._schema.create_indexes(safe=False)
