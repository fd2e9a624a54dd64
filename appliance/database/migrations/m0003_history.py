"""Indexes for a long call history: each page of it, the last one too, is found in the index alone."""

SQL = """
CREATE INDEX call_started_at_id ON call (started_at, id);
CREATE INDEX call_status ON call (status, started_at, id);
DROP INDEX call_started_at
"""
