"""The whole state of a call in its row; what is written next to a call, or `rebuild`, fills it in."""

from peewee import TextField


def up(migrator, db):
    migrator.migrate(migrator.add_column("calls", "state", TextField(null=True)))
