"""The database: everything that must last. One writer for a table; reading a call's way never comes here.

`connection.open_database` opens and migrates; `models` are the tables; `transactions` is how operations write.
"""
