"""The methods of a worker's control socket: parameters in, one call to the session table, a JSON value out.

The rule: whatever is wrong with a request is said in its answer (`CallRefused`), and nothing has changed then.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from appliance.control.errors import INVALID_PARAMS, METHOD_NOT_FOUND, UNAVAILABLE, CallRefused
from sip_daemon.errors import MediaError, MediaUnavailable
from sip_daemon.flow import TransportAddress
from sip_daemon.media.audio.tones import TONE_TABLE
from sip_daemon.media.packets.dtmf import KeyPress
from sip_daemon.media.session.counters import LegStatistics
from sip_daemon.media.session.description import LegDescription
from sip_daemon.media.session.events import Finished, HearingChanged, LegEvent, Silent
from sip_daemon.media.session.hearing import Hearing
from sip_daemon.media.session.sounds import FileSource, SilenceSource, SoundSource, ToneSource
from sip_daemon.media.session.table import EventListener, Session, SessionRequest, SessionTable
from sip_daemon.sdp.audio import Direction
from sip_daemon.sdp.codec import Codec

MEDIA_FAILED = 422
"""The request was understood and could not be carried out."""

MAX_LEGS = 64
MAX_CODECS = 64

MAX_ASKED = 32
"""Sessions whose counters are told in one answer: about a millisecond in which no packet is relayed."""

STATISTICS = tuple(each.name for each in fields(LegStatistics))

MAX_PAGE_BYTES = 128 * 1024
"""Of a list of sessions: a worker full of calls has more state than fits into one answer, and packing a page holds up
the audio."""
LISTED_BYTES = 256
"""What a session takes in a list, besides its state."""

Value = TypeVar("Value")
Params = Mapping[str, Any]
Reply = Callable[[Any], None]
"""Takes the result, or the `CallRefused`; now or later."""


class Commands:
    """What one control connection may ask for. `listener` gets the events of the sessions it owns."""

    def __init__(self, table: SessionTable, index: int, listener: EventListener) -> None:
        self._table, self._index, self._listener = table, index, listener
        self._methods: dict[str, Callable[[Params], Any]] = {
            "worker.status": self._status,
            "session.open": self._open,
            "session.configure": self._configure,
            "session.bridge": self._bridge,
            "session.hop": self._hop,
            "session.stop": self._stop,
            "session.echo": self._echo,
            "session.record": self._record,
            "session.statistics": self._statistics,
            "session.quality": self._quality,
            "session.close": self._close,
            "session.attach": self._attach,
            "session.list": self._list,
            "session.discard": self._discard,
        }

    def carry_out(self, method: str, params: Params, reply: Reply) -> None:
        try:
            if method == "session.play":
                self._play(params, reply)
                return
            handler = self._methods.get(method)
            if handler is None:
                raise CallRefused(METHOD_NOT_FOUND, f"media has no method {method!r}.")
            reply(handler(params))
        except CallRefused as refusal:
            reply(refusal)
        except MediaError as error:
            reply(refusal_of(error))

    def _status(self, _params: Params) -> Any:
        return {
            "index": self._index,
            "pid": os.getpid(),
            "sessions": len(self._table),
            "ports_free": self._table.ports_free,
        }

    def _open(self, params: Params) -> Any:
        legs = field(params, "legs", list)
        if not 1 <= len(legs) <= MAX_LEGS:
            raise CallRefused(INVALID_PARAMS, f"`legs` holds 1 to {MAX_LEGS} entries.")
        requests = [
            SessionRequest(field(leg, "id", str), field(leg, "bind_host", str), field(leg, "advertised_host", str))
            for leg in legs
        ]
        sessions = self._table.open(requests, field(params, "call_id", str), self._listener)
        return {"ports": [session.leg.sockets.port for session in sessions]}

    def _configure(self, params: Params) -> Any:
        self._session(params).leg.configure(description_of(params))
        return {}

    def _bridge(self, params: Params) -> Any:
        session = self._session(params)
        if params.get("hop") is not None:
            hop = field(params, "hop", dict)
            self._table.bridge_away(session, field(hop, "port", int), token_of(field(hop, "token", str)))
        elif params.get("other") is not None:
            other = self._table.find(field(params, "other", str))
            if other is session:
                raise CallRefused(INVALID_PARAMS, "A session cannot be bridged with itself; that is echo.")
            self._table.bridge(session, other)
        else:
            self._table.bridge(session, None)
        return {}

    def _hop(self, params: Params) -> Any:
        port, token = self._table.expect_hop(self._session(params))
        return {"port": port, "token": f"{token:016x}"}

    def _play(self, params: Params, reply: Reply) -> None:
        leg = self._session(params).leg
        source = source_of(field(params, "source", dict))
        leg.play(
            source,
            repeat=bool(params.get("repeat", False)),
            on_started=lambda error: reply({} if error is None else refusal_of(error)),
        )

    def _stop(self, params: Params) -> Any:
        self._session(params).leg.stop_playing()
        return {}

    def _echo(self, params: Params) -> Any:
        session = self._session(params)
        if field(params, "enabled", bool):
            self._table.bridge(session, None)
        session.leg.echo(field(params, "enabled", bool))
        return {}

    def _record(self, params: Params) -> Any:
        path = params.get("path")
        self._session(params).leg.record(Path(field(params, "path", str)) if path is not None else None)
        return {}

    def _statistics(self, params: Params) -> Any:
        """Of one session, or of several in one answer; those that are gone are left out of it."""
        if params.get("ids") is None:
            return statistics_of(self._session(params))
        ids = field(params, "ids", list)
        if len(ids) > MAX_ASKED:
            raise CallRefused(INVALID_PARAMS, f"`ids` holds more than {MAX_ASKED} entries.")
        found = {session.id: session for session in map(self._table.get, ids) if session is not None}
        return {"sessions": {identifier: statistics_of(session) for identifier, session in found.items()}}

    def _quality(self, params: Params) -> Any:
        return self._session(params).leg.quality_values()

    def _close(self, params: Params) -> Any:
        session = self._session(params)
        result = {**statistics_of(session), "series": session.leg.quality_values()}
        self._table.close(session)
        return result

    def _attach(self, params: Params) -> Any:
        """Own the session from now on; with `state`, keep that with it."""
        session = self._session(params)
        if params.get("state") is not None:
            self._table.attach(session, bytes_of(field(params, "state", str)))
        self._table.adopt(session, self._listener)
        return {}

    def _list(self, params: Params) -> Any:
        """One page: as many as fit, from `offset` on. None is left when it is empty."""
        offset = field(params, "offset", int) if params.get("offset") is not None else 0
        page: list[dict[str, Any]] = []
        room = MAX_PAGE_BYTES
        for session in self._table.all()[max(0, offset) :]:
            room -= LISTED_BYTES + 2 * len(session.state)
            if page and room < 0:
                break
            page.append(listed(session))
        return {"sessions": page}

    def _discard(self, _params: Params) -> Any:
        """Close what nobody owns."""
        orphans = [session for session in self._table.all() if session.owner is None]
        for session in orphans:
            self._table.close(session)
        return {"closed": len(orphans)}

    def _session(self, params: Params) -> Session:
        return self._table.find(field(params, "id", str))


def statistics_of(session: Session) -> dict[str, Any]:
    """Flat values: `dataclasses.asdict` would copy each of them."""
    statistics = session.leg.statistics()
    return {name: getattr(statistics, name) for name in STATISTICS}


def listed(session: Session) -> dict[str, Any]:
    return {
        "id": session.id,
        "call_id": session.call_id,
        "host": session.request.advertised_host,
        "port": session.leg.sockets.port,
        "owned": session.owner is not None,
        "state": base64.b64encode(session.state).decode(),
    }


def event_params(identifier: str, event: LegEvent) -> dict[str, Any]:
    """The parameters of the notification `session.event`."""
    match event:
        case KeyPress(digit, duration_ms):
            return {"id": identifier, "event": "digit", "digit": digit, "duration_ms": duration_ms}
        case Silent(seconds):
            return {"id": identifier, "event": "silent", "seconds": seconds}
        case Finished():
            return {"id": identifier, "event": "finished"}
        case HearingChanged(Hearing(speaks, hears, suspicion)):
            words = {"speaks": speaks.value, "hears": hears.value, "suspicion": suspicion.value}
            return {"id": identifier, "event": "hearing", **words}


def refusal_of(error: MediaError) -> CallRefused:
    if isinstance(error, MediaUnavailable):
        return CallRefused(UNAVAILABLE, str(error), {"retry_after": error.retry_after})
    return CallRefused(MEDIA_FAILED, str(error))


def description_of(params: Params) -> LegDescription:
    """Raises `CallRefused`."""
    address = field(params, "address", dict)
    try:
        direction = Direction(field(params, "direction", str))
    except ValueError:
        raise CallRefused(INVALID_PARAMS, "`direction` is sendrecv, sendonly, recvonly or inactive.") from None
    ptime = field(params, "ptime", int)
    if not 10 <= ptime <= 120 or ptime % 10:
        ptime = 20
    return LegDescription(
        address=TransportAddress(field(address, "host", str), port_of(address, "port")),
        codecs=codecs_of(params, "codecs"),
        local_codecs=codecs_of(params, "local_codecs"),
        direction=direction,
        signalling_host=(field(params, "signalling_host", str) if params.get("signalling_host") is not None else None),
        ptime=ptime,
        rtcp_port=port_of(params, "rtcp_port") if params.get("rtcp_port") is not None else None,
        rtcp_mux=bool(params.get("rtcp_mux", False)),
    )


def codecs_of(params: Params, name: str) -> tuple[Codec, ...]:
    values = field(params, name, list)
    if len(values) > MAX_CODECS:
        raise CallRefused(INVALID_PARAMS, f"`{name}` holds more than {MAX_CODECS} entries.")
    codecs = []
    for value in values:
        codec = Codec(
            field(value, "payload_type", int),
            field(value, "name", str),
            field(value, "clock_rate", int),
            field(value, "channels", int),
            field(value, "parameters", str),
        )
        if not 0 <= codec.payload_type <= 127 or codec.clock_rate < 1000:
            raise CallRefused(INVALID_PARAMS, f"`{name}` holds a payload type or clock rate that RTP does not know.")
        codecs.append(codec)
    return tuple(codecs)


def source_of(value: Params) -> SoundSource:
    match field(value, "kind", str):
        case "tone":
            name = field(value, "name", str)
            if name not in TONE_TABLE:
                raise CallRefused(INVALID_PARAMS, f"There is no tone of that name; there are {', '.join(TONE_TABLE)}.")
            return ToneSource(name)
        case "file":
            return FileSource(field(value, "path", str))
        case "silence":
            return SilenceSource()
        case _:
            raise CallRefused(INVALID_PARAMS, "A source is a tone, a file or silence.")


def field(params: Any, name: str, kind: type[Value]) -> Value:
    """A parameter of that type; raises `CallRefused` for a missing or another one."""
    value = params.get(name) if isinstance(params, dict) else None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise CallRefused(INVALID_PARAMS, f"`{name}` is missing or not of type {kind.__name__}.")
    return value


def port_of(params: Params, name: str) -> int:
    port = field(params, name, int)
    if not 0 <= port <= 65535:
        raise CallRefused(INVALID_PARAMS, f"`{name}` is no port.")
    return port


def token_of(text: str) -> int:
    try:
        return int(text, 16) & 0xFFFFFFFFFFFFFFFF
    except ValueError:
        raise CallRefused(INVALID_PARAMS, "`token` is no hexadecimal number.") from None


def bytes_of(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise CallRefused(INVALID_PARAMS, "`state` is not base64.") from None
