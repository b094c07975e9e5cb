"""What a clock showed when somebody looked last, and how much of it is in doubt."""

from peewee import BigIntegerField, Model, TextField


def up(migrator, db):
    class ClockMark(Model):
        name = TextField(primary_key=True)
        seen_at = BigIntegerField()
        doubt_seconds = BigIntegerField()
        since = BigIntegerField()

        class Meta:
            database = db
            table_name = "clock_marks"

    db.create_tables([ClockMark])
