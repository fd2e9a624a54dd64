"""Opening a control socket for listening: never one that another program answers on, never a moment without one."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from appliance.control.errors import AlreadyRunning, ControlError

BACKLOG = 128
SOCKET_MODE = 0o660


def listening_socket(path: Path, mode: int = SOCKET_MODE) -> socket.socket:
    """A non-blocking listening unix socket at `path`.

    A socket file that nobody answers on (what a killed program leaves) is replaced by a rename, so that at no moment
    a client finds nothing. Raises `AlreadyRunning`, or `ControlError` when the file cannot be made.
    """
    if is_answered(path):
        raise AlreadyRunning(f"Another program already answers on {path}.")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        temporary.unlink(missing_ok=True)
        listener.bind(str(temporary))
        temporary.chmod(mode)
        listener.listen(BACKLOG)
        listener.setblocking(False)
        temporary.rename(path)
    except OSError as error:
        listener.close()
        temporary.unlink(missing_ok=True)
        raise ControlError(f"The control socket {path} cannot be opened: {error.strerror or error}.") from error
    return listener


def is_answered(path: Path) -> bool:
    """Whether somebody accepts connections on that socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except TimeoutError:
            return True
        except OSError:
            return False
        return True
