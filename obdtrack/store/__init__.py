"""The database: connections, one writer at a time, tables and their upkeep."""
