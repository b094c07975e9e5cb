"""Which keys are one caller's, and how often those signed in with a key were signed out."""

from peewee import BinaryUUIDField


def up(migrator, db):
    migrator.migrate(migrator.add_column("api_keys", "owner_id", BinaryUUIDField(null=True)))
    db.execute_sql("ALTER TABLE api_keys ADD COLUMN sign_outs INTEGER NOT NULL DEFAULT 0")
