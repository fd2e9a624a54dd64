"""The database that all models belong to: set by `connection.open_database`, once in a process."""

from __future__ import annotations

from peewee import DatabaseProxy

database = DatabaseProxy()
"""Used by the models and by `transactions`; whoever uses it before a database was opened gets an AttributeError."""
