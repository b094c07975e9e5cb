"""The provider of each call and delivery: two providers may call two calls by one id."""

_EARLIER = "mobtexting"  # the only one that earlier versions knew


def up(migrator, db):
    for table in ("calls", "deliveries"):
        db.execute_sql(
            f"ALTER TABLE {table} ADD COLUMN provider TEXT NOT NULL DEFAULT '{_EARLIER}'"
        )
    db.execute_sql(
        "CREATE UNIQUE INDEX calls_provider_id_provider ON calls (provider_id, provider)"
    )
    db.execute_sql("DROP INDEX calls_provider_id")
