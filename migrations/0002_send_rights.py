"""Until when the request of a submission may be sent."""

from peewee import BigIntegerField


def up(migrator, db):
    migrator.migrate(migrator.add_column("submissions", "send_until", BigIntegerField(null=True)))
