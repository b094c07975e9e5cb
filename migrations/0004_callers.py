"""Which keys are one caller's, and which sessions of a key were signed out."""

from peewee import BinaryUUIDField, TextField


def up(migrator, db):
    migrator.migrate(migrator.add_column("api_keys", "owner_id", BinaryUUIDField(null=True)))
    migrator.migrate(migrator.add_column("api_keys", "ended_sessions", TextField(null=True)))
