"""What the pages ask: figures by half hour, campaigns, calls by last digits, by time and in doubt."""

from decimal import Decimal

from peewee import (
    BigIntegerField,
    CompositeKey,
    IntegerField,
    Model,
    SmallIntegerField,
    SqliteDatabase,
    TextField,
)

HALF_HOUR = 1_800_000_000
EVER = -1
MOST_ATTEMPTS = 9
MILLION = 1_000_000
MOST = 10**15


def millionths(charges):
    exact = None if charges is None else Decimal(charges) * MILLION
    return int(exact) if exact is not None and exact == int(exact) and abs(exact) < MOST else None


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Figure(Table):
        name = TextField()
        slot = IntegerField()
        status = TextField()
        source = TextField()
        attempts = SmallIntegerField()
        calls = BigIntegerField()
        priced = BigIntegerField()
        cost = BigIntegerField()

        class Meta:
            table_name = "figures"
            primary_key = CompositeKey("name", "slot", "status", "source", "attempts")
            # SQLite then keeps the figures of one campaign side by side, in the order of time.
            without_rowid = isinstance(db, SqliteDatabase)

    class Campaign(Table):
        name = TextField(primary_key=True)
        slot = IntegerField()

        class Meta:
            table_name = "campaigns"

    db.create_tables([Figure, Campaign])
    for name, columns, where in (
        ("calls_ending_id", '(substr(to_number, length(to_number) - 3)), "id"', ""),
        ("calls_created_at", '"created_at"', ""),
        ("calls_attention", '"id"', " WHERE status IN ('unknown', 'unresolved') OR conflict"),
    ):
        db.execute_sql(f'CREATE INDEX "{name}" ON "calls" ({columns}){where}')
    db.execute_sql('CREATE INDEX "campaigns_slot_name" ON "campaigns" ("slot", "name")')
    count_what_is_there(db, Figure, Campaign)


def count_what_is_there(db, Figure, Campaign):
    found = db.execute_sql(
        f"SELECT name, created_at / {HALF_HOUR}, status, status_source, attempt_count, charges, "
        "count(*) FROM calls GROUP BY 1, 2, 3, 4, 5, 6"
    ).fetchall()
    sums, campaigns = {}, {}
    for name, slot, status, source, attempts, charges, calls in found:
        cost = millionths(charges)
        for of in {"", name or ""}:
            for when in (slot, EVER):
                key = (of, when, status, source, min(attempts, MOST_ATTEMPTS))
                old = sums.get(key, (0, 0, 0))
                priced = 0 if cost is None else calls
                sums[key] = (old[0] + calls, old[1] + priced, old[2] + (cost or 0) * calls)
        if name:
            campaigns[name] = max(slot, campaigns.get(name, slot))
    rows = [(*key, *values) for key, values in sums.items()]
    for start in range(0, len(rows), 500):
        Figure.insert_many(rows[start : start + 500], Figure._meta.sorted_fields).execute()
    rows = list(campaigns.items())
    for start in range(0, len(rows), 500):
        Campaign.insert_many(rows[start : start + 500], Campaign._meta.sorted_fields).execute()
