"""What a call is for."""

from peewee import TextField


def up(migrator, db):
    migrator.migrate(migrator.add_column("submissions", "call_type", TextField(null=True)))
