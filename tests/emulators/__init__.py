"""Real or strict servers on loopback for the tests: S3, Azure Blob, GCS, PostgreSQL 15 and 18, and a TCP gate."""
