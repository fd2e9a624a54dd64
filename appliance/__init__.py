"""What every part of GoSIP shares: settings, secrets, database, control sockets and the `gosip` command."""

__version__ = "0.1.0"
