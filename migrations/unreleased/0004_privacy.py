"""Privacy: the audit, and an index without which deleting old calls would read all of them."""

from peewee import SQL, BigIntegerField, BinaryUUIDField, Model, TextField


def up(migrator, db):
    class Audit(Model):
        id = BinaryUUIDField(primary_key=True)
        recorded_at = BigIntegerField()
        action = TextField()
        subject = TextField()
        actor = TextField()
        key_id = BinaryUUIDField(null=True)
        detail = TextField()
        once = TextField(null=True)

        class Meta:
            database = db
            legacy_table_names = False
            table_name = "audit"

    by_subject = Audit.index(Audit.subject, Audit.id, name="audit_subject_id")
    once = Audit.index(Audit.once, unique=True, name="audit_once")
    Audit.add_index(by_subject)
    Audit.add_index(once.where(SQL("once IS NOT NULL")))
    db.create_tables([Audit])
    db.execute_sql('CREATE INDEX "calls_submission" ON "calls" ("submission_id")')
