"""Results in PostgreSQL: a server of our own, and the table; the only importer of psycopg."""
