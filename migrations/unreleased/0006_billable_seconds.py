"""The seconds a call is charged for, beside its duration; `rebuild` fills them in for old calls."""

from peewee import IntegerField


def up(migrator, db):
    migrator.migrate(migrator.add_column("calls", "billable_seconds", IntegerField(null=True)))
