"""The pages for people: one module a page, and beside them what turns facts into sentences."""
