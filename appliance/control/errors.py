"""The errors of the control sockets: part of the tree drawn in `appliance.errors`.

The codes are those of JSON-RPC 2.0 §5.1 for what is wrong with a message, and HTTP's for what is wrong with a request.
"""

from __future__ import annotations

from typing import Any

from appliance.errors import ApplianceError

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
NOT_FOUND = 404
CONFLICT = 409
UNAVAILABLE = 503


class ControlError(ApplianceError):
    """Talking over a control socket failed."""


class NotReachable(ControlError):
    """Nobody answers on the socket: the program is not running, or it went away in the middle."""


class NoAnswerInTime(NotReachable):
    """Somebody accepted the connection, and no answer came within the time-out."""


class ProtocolMismatch(ControlError):
    """The other side speaks another protocol version, or something else altogether."""


class AlreadyRunning(ControlError):
    """Another program answers on the socket that we were about to open."""


class CallRefused(ControlError):
    """A call was answered with an error.

    A handler raises it to refuse; the caller gets the same thing. `data` is a JSON value for programs.
    """

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data
