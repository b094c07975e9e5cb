"""Reports that wait for their call are found by the number they give."""


def up(migrator, db):
    db.execute_sql(
        "CREATE INDEX deliveries_to_number ON deliveries (to_number) WHERE to_number IS NOT NULL"
    )
