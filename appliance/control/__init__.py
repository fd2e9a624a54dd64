"""The control sockets: JSON-RPC 2.0 over unix sockets, one object a line.

`protocol` is the framing without a socket; `client` is blocking (web app, command line, hooks); `aio` is for asyncio
programs. The permissions of the socket file are the authentication.
"""
