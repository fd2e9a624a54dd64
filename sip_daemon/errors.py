"""The errors of the SIP daemon.

    SipError
    ├── LocalProtocolError     we broke a rule (a bug of ours, never the peer's doing)
    ├── RemoteProtocolError    the peer broke a rule; carries the status code to answer with
    ├── TransportError         a message could not be sent: no route, refused, connection gone
    └── MediaError             the media plane could not do what was asked
        └── MediaUnavailable   no port or no worker is free; the caller may try again later

A parser raises `RemoteProtocolError` on bytes from the network and nothing else.
"""

from __future__ import annotations


class SipError(Exception):
    """Anything that goes wrong between a socket and a call."""


class LocalProtocolError(SipError):
    """Our own code asked for something the protocol forbids."""


class RemoteProtocolError(SipError):
    """A peer broke the protocol.

    `status` is the SIP status to answer with (RFC 3261 §21); `warning` is text for a Warning or Reason
    header, safe to send: it never repeats what the peer sent.
    """

    def __init__(self, message: str, *, status: int = 400, warning: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.warning = warning


class TransportError(SipError):
    """A message could not be handed to the network."""


class MediaError(SipError):
    """The media plane refused or failed."""


class MediaUnavailable(MediaError):
    """No media port or worker is free: answer 503 with Retry-After."""

    def __init__(self, message: str, *, retry_after: int = 10) -> None:
        super().__init__(message)
        self.retry_after = retry_after
