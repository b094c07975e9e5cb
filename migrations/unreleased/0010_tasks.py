"""Tasks: what is to be done later. The polls that are planned are the first of them."""

from peewee import (
    BigIntegerField,
    BinaryUUIDField,
    CompositeKey,
    Model,
    SmallIntegerField,
    SqliteDatabase,
    TextField,
)


def up(migrator, db):
    class Task(Model):
        kind = TextField()
        subject = BinaryUUIDField()
        due_at = BigIntegerField()
        tries = SmallIntegerField()
        leased_until = BigIntegerField(null=True)

        class Meta:
            database = db
            legacy_table_names = False
            table_name = "tasks"
            primary_key = CompositeKey("kind", "subject")
            without_rowid = isinstance(db, SqliteDatabase)

    Task.add_index(Task.index(Task.kind, Task.due_at, name="tasks_kind_due_at"))
    db.create_tables([Task])
    db.execute_sql(
        """INSERT INTO tasks (kind, subject, due_at, tries)
        SELECT 'poll', id, next_check_at, 0 FROM calls WHERE next_check_at IS NOT NULL"""
    )
    db.execute_sql('DROP INDEX "calls_next_check_at"')
