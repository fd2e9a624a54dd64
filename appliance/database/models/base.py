"""What all tables have in common."""

from __future__ import annotations

from peewee import Model

from appliance.database.proxy import database


class Table(Model):
    """A table of the open database. Times are Unix seconds, UTC; texts are never NULL unless the column says so."""

    class Meta:
        database = database
        legacy_table_names = False
