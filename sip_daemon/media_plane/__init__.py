"""The seam between calls and audio: what `call` may ask of a media plane, and nothing of how it is done.

`values` holds what crosses, `plane` the two interfaces, `local` the client of our own worker processes. The
interfaces stay close to offer, answer, delete, play and record, so that another engine can stand behind them.
"""

from sip_daemon.media_plane.plane import FoundHandler, LostHandler, MediaListener, MediaPlane, MediaSession
from sip_daemon.media_plane.values import (
    TONES,
    AdoptableSession,
    DigitPressed,
    MediaEvent,
    MediaHearing,
    MediaSilent,
    MediaStatistics,
    OpenRequest,
    PlayFinished,
    PlaySource,
    RemoteMedia,
    SessionLost,
    Silence,
    Tone,
    Wav,
    WorkerState,
    WorkerStatus,
)

__all__ = [
    "TONES",
    "AdoptableSession",
    "DigitPressed",
    "FoundHandler",
    "LostHandler",
    "MediaEvent",
    "MediaHearing",
    "MediaListener",
    "MediaPlane",
    "MediaSession",
    "MediaSilent",
    "MediaStatistics",
    "OpenRequest",
    "PlayFinished",
    "PlaySource",
    "RemoteMedia",
    "SessionLost",
    "Silence",
    "Tone",
    "Wav",
    "WorkerState",
    "WorkerStatus",
]
