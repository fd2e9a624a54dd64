"""The use cases: what a page, the API and the command line can do, once.

Each one checks, writes in one transaction together with an audit row, bumps the revision where the configuration
changed, and nudges the daemon. Each takes a `Context` (who, from where) first, and raises an `OperationError` with
nothing changed. What they return are frozen values, never rows.
"""
