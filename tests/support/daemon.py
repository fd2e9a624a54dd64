"""A stand-in for the `sip` program: a real unix socket that speaks the control protocol, with a state that tests set.

with StandInDaemon(folder.sip_socket) as daemon:
    daemon.register("1001", "1001", remote="192.0.2.7:5060")
    daemon.add_call("c1", caller=("1001", "Ada"), callee=("1002", "Grace"))
"""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from appliance.control.errors import CONFLICT, NOT_FOUND, CallRefused, ProtocolMismatch
from appliance.control.protocol import Request, ServerProtocol


class StandInDaemon:
    """Serves each connection in a thread of its own. `asked` counts the calls of each method."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked: Counter[str] = Counter()
        self.hung_up: list[str] = []
        self.nudges = 0
        self.traced: list[Mapping[str, Any]] = []
        """What was asked for of the trace."""
        self.trace_budget = 8 * 1024 * 1024
        self._trace: list[dict[str, Any]] = []
        self.answers = True
        """Set to False for a program that accepts connections and then says nothing."""
        self._lock = threading.Lock()
        self._bindings: dict[str, dict[str, Any]] = {}
        self._calls: dict[str, dict[str, Any]] = {}
        self._listeners: list[dict[str, Any]] = [
            {"transport": "UDP", "address": "0.0.0.0", "port": 5060, "state": "listening", "error": None},
            {"transport": "TCP", "address": "0.0.0.0", "port": 5060, "state": "listening", "error": None},
        ]
        self._bans: dict[str, dict[str, Any]] = {}
        self._tls: dict[str, Any] = tls_status(enabled=False)
        self._revisions = {"bindings": 1, "calls": 1, "listeners": 1, "bans": 1}
        self._started_at = time.time()
        self._socket: socket.socket | None = None
        self._connections: set[socket.socket] = set()

    def __enter__(self) -> StandInDaemon:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(self.path))
        self._socket.listen(64)
        threading.Thread(target=self._accept, args=(self._socket,), daemon=True).start()

    def stop(self) -> None:
        """As when the program ends: the socket file goes, and so do the connections."""
        if self._socket is not None:
            self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._socket = None
        self.path.unlink(missing_ok=True)
        with self._lock:
            connections, self._connections = self._connections, set()
        for connection in connections:
            connection.close()

    # ------------------------------------------------------------ what a test says

    def register(
        self,
        username: str,
        extension: str,
        *,
        remote: str = "192.0.2.7:5060",
        transport: str = "UDP",
        user_agent: str = "baresip v1.0.0",
        trouble: str | None = None,
    ) -> None:
        """A phone has registered; with a trouble it is not reachable."""
        row = {
            "username": username,
            "extension": extension,
            "contact": f"sip:{username}@{remote}",
            "transport": transport,
            "remote": remote,
            "user_agent": user_agent,
            "instance": None,
            "expires_in": 3600,
            "registered_at": time.time(),
            "reachable": trouble is None,
            "trouble": trouble,
        }
        self._change("bindings", self._bindings, username, row)

    def unregister(self, username: str) -> None:
        self._change("bindings", self._bindings, username, None)

    def add_call(
        self,
        call_id: str,
        *,
        caller: tuple[str, str],
        callee: tuple[str, str],
        answered: bool = False,
    ) -> None:
        """A call rings, or is being talked on. The pairs are number and name."""
        now = time.time()
        row = {
            "id": call_id,
            "state": "talking" if answered else "ringing",
            "caller": {"number": caller[0], "name": caller[1], "device": caller[0]},
            "callee": {"number": callee[0], "name": callee[1]},
            "started_at": now - 7,
            "answered_at": now - 3 if answered else None,
            "legs": [leg("caller", caller[0]), leg("callee", callee[0])],
        }
        self._change("calls", self._calls, call_id, row)

    def hear(self, call_id: str, side: str, **figures: Any) -> None:
        """The media figures of one phone of a call have changed."""
        with self._lock:
            (one,) = (one for one in self._calls[call_id]["legs"] if one["side"] == side)
            one["media"] = {**one["media"], **figures}

    def end_call(self, call_id: str) -> None:
        self._change("calls", self._calls, call_id, None)

    def serve_tls(self, *, error: str | None = None, failures: Mapping[str, str] | None = None) -> None:
        """SIP over TLS is on; `failures` are reasons by source."""
        self._tls = tls_status(enabled=True, error=error, failures=failures or {})

    def ban(self, source: str, state: str = "banned", reason: str = "wrong-credentials", **more: Any) -> dict[str, Any]:
        """An address is kept out."""
        row = {
            "source": source,
            "state": state,
            "reason": reason,
            "since": 1_799_999_000.0,
            "until": 1_800_003_600.0,
            "count": 1,
            "blocked": 12,
            "note": "",
        } | more
        self._change("bans", self._bans, source, row)
        return row

    def say(self, title: str, direction: str = "received", **more: Any) -> None:
        """A message came or went; every reader of the trace gets it."""
        with self._lock:
            self._trace.append(trace_entry(len(self._trace) + 1, title, direction) | more)

    def restart(self) -> None:
        """As a new process: it remembers no message, and its serials begin anew."""
        self.stop()
        self._trace = []
        self._started_at += 1.0
        self.start()

    def fail_listener(self, transport: str, error: str) -> None:
        with self._lock:
            for listener in self._listeners:
                if listener["transport"] == transport:
                    listener.update(state="failed", error=error)
            self._revisions["listeners"] += 1

    def _change(self, what: str, rows: dict[str, dict[str, Any]], key: str, row: dict[str, Any] | None) -> None:
        with self._lock:
            if row is None:
                rows.pop(key, None)
            else:
                rows[key] = row
            self._revisions[what] += 1

    # ------------------------------------------------------------ the protocol

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        protocol = ServerProtocol("sip")
        try:
            with connection:
                if self.answers:
                    connection.sendall(protocol.take_output())
                while data := connection.recv(65536):
                    for request in protocol.receive_data(data):
                        self._answer(protocol, request)
                    if self.answers:
                        connection.sendall(protocol.take_output())
        except (OSError, ProtocolMismatch):
            pass
        finally:
            with self._lock:
                self._connections.discard(connection)

    def _answer(self, protocol: ServerProtocol, request: Request) -> None:
        with self._lock:
            self.asked[request.method] += 1
            try:
                protocol.reply(request, self._result(request))
            except CallRefused as error:
                protocol.refuse(request, error)

    def _add_ban(self, params: Mapping[str, Any]) -> dict[str, Any]:
        source, seconds = params["source"], params["seconds"]
        if source == PHONE_SOURCE and not params["force"]:
            raise CallRefused(CONFLICT, f"Phones are registered from {source}. Banning it would cut them off.")
        now = time.time()
        self._bans[source] = {
            "source": source,
            "state": "banned",
            "reason": "manual",
            "since": now,
            "until": now + seconds if seconds else None,
            "count": 1,
            "blocked": 0,
            "note": params["note"],
        }
        self._revisions["bans"] += 1
        return self._bans[source]

    def _result(self, request: Request) -> Any:
        match request.method:
            case "live.revision":
                return {"started_at": self._started_at, **self._revisions}
            case "binding.list":
                names = request.params.get("usernames")
                rows = [row for row in self._bindings.values() if names is None or row["username"] in names]
                return {
                    "total": len(rows),
                    "revision": self._revisions["bindings"],
                    "bindings": portion(rows, request.params),
                }
            case "call.list":
                calls = list(self._calls.values())
                return {
                    "total": len(calls),
                    "revision": self._revisions["calls"],
                    "calls": portion(calls, request.params),
                }
            case "call.quality":
                call = self._calls.get(request.params["id"])
                if call is None:
                    raise CallRefused(NOT_FOUND, "This call is over.")
                return {"legs": [quality(one) for one in call["legs"]]}
            case "call.hangup":
                if self._calls.pop(request.params["id"], None) is None:
                    raise CallRefused(NOT_FOUND, "This call is over.")
                self._revisions["calls"] += 1
                self.hung_up.append(request.params["id"])
                return {}
            case "ban.list":
                bans = list(self._bans.values())
                return {
                    "total": len(bans),
                    "revision": self._revisions["bans"],
                    "bans": portion(bans, request.params),
                }
            case "ban.add":
                return self._add_ban(request.params)
            case "ban.remove":
                source = request.params["source"]
                if self._bans.pop(source, None) is None:
                    raise CallRefused(NOT_FOUND, f"{source} is not banned.")
                self._revisions["bans"] += 1
                return {"source": source}
            case "tls.status":
                return self._tls
            case "trace.read":
                self.traced.append(request.params)
                found = [entry for entry in self._trace if entry["serial"] > request.params["after"]]
                return {
                    "started_at": self._started_at,
                    "entries": found[-request.params["limit"] :],
                    "total": len(found),
                    "cursor": len(self._trace),
                    "used_bytes": 1000 * len(self._trace),
                    "budget_bytes": self.trace_budget,
                }
            case "nudge":
                self.nudges += 1
                return {"revision": request.params.get("revision", 0)}
            case "status":
                return {
                    "version": "0.1.0",
                    "started_at": self._started_at,
                    "listeners": self._listeners,
                    "counts": {"bindings": len(self._bindings), "calls": len(self._calls)},
                    "media": [],
                    "store": {"backlog": 0, "last_error": None},
                }
        raise CallRefused(-32601, f"no method {request.method}")


PHONE_SOURCE = "192.0.2.7"


def trace_entry(serial: int, title: str, direction: str) -> dict[str, Any]:
    """As `trace.read` gives it."""
    first, second = [*title.split(), "", ""][:2]
    is_response = first == "SIP/2.0"
    kind = "note" if direction == "note" else "response" if is_response else "request"
    return {
        "serial": serial,
        "at": 1_799_999_000.0 + serial / 4,
        "direction": direction,
        "transport": "UDP",
        "local": "192.0.2.1:5060",
        "remote": f"{PHONE_SOURCE}:5060",
        "connection": 0,
        "kind": kind,
        "title": title,
        "method": "" if kind == "note" else "INVITE" if is_response else first,
        "status": int(second) if is_response else None,
        "call_id": "" if kind == "note" else "abc@192.0.2.7",
        "cseq": "",
        "from": "" if kind == "note" else "201",
        "to": "" if kind == "note" else "202",
        "has_sdp": False,
        "bytes": 0 if kind == "note" else 400,
        "problem": "",
        "repeated": False,
        "text": "" if kind == "note" else f"{title}\nCall-ID: abc@192.0.2.7\nAuthorization: Digest response=***\n",
    }


def portion(rows: list[dict[str, Any]], params: Mapping[str, Any]) -> list[dict[str, Any]]:
    offset, limit = int(params.get("offset", 0)), int(params.get("limit", 1000))
    return rows[offset : offset + limit]


def leg(side: str, device: str) -> dict[str, Any]:
    return {
        "side": side,
        "device": device,
        "extension": device,
        "transport": "UDP",
        "remote": "192.0.2.7:5060",
        "state": "confirmed",
        "codec": "PCMA/8000",
        "media": {"packets_received": 150, "packets_sent": 149, "packets_lost": 0, "jitter_ms": 1.5},
    }


SERIES = {
    "seconds": 5,
    "age": 20.0,
    "received": [250, 250, 240, 250],
    "lost": [0, 0, 10, 0],
    "discarded": [0, 0, 2, 0],
    "reported": [240, 250, 250, 250],
    "reported_lost": [0, 0, 0, 0],
    "jitter_ms": [1.1, 1.3, 8.2, 1.5],
    "mos": [4.41, 4.41, 3.95, 4.41],
    "reported_jitter_ms": [2.0, 2.1, 2.2, 2.0],
    "reported_mos": [None, 4.41, 4.41, 4.41],
    "rtt_ms": [None, 23.0, 24.0, 23.0],
    "speaks": ["fine"] * 4,
    "hears": ["unknown", "fine", "fine", "fine"],
}
"""How one phone was heard, as a media worker tells it."""


def quality(leg: Mapping[str, Any]) -> dict[str, Any]:
    return {"side": leg["side"], "device": leg["device"], "quality": SERIES, "hearing": []}


def tls_status(*, enabled: bool, error: str | None = None, failures: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What the method `tls.status` answers."""
    listener = {
        "transport": "TLS",
        "address": "0.0.0.0",
        "port": 5061,
        "state": "failed" if error else "listening",
        "error": error,
    }
    certificate = {"fingerprint": "ab" * 32, "serial": "1f", "not_after": 1.9e9, "names": ["phones.example"]}
    return {
        "enabled": enabled,
        "listeners": [listener] if enabled else [],
        "certificates": {"rsa": certificate} if enabled else {},
        "policy": {"min_version": "1.2", "ciphers": "modern", "client_auth": "none", "ca_files": []},
        "reloaded_at": 1.7e9 if enabled else None,
        "reload_error": None,
        "failures": [
            {"at": 1.7e9, "source": source, "port": 5061, "reason": reason, "count": 3}
            for source, reason in (failures or {}).items()
        ],
    }
