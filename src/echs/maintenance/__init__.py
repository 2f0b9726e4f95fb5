"""Looking after a store: backup, doctor, verify, schema."""
