"""Cloudflare's API (version 4) on a loopback port, as far as DNS records need it, answering as the real one does.

    with FakeCloudflare() as cloudflare:
        zone = cloudflare.add_zone("example.com")
        token = cloudflare.add_token({"example.com": EDIT})
        ... CLOUDFLARE_BASE_URL = cloudflare.base_url ...
        cloudflare.texts("_acme-challenge.example.com")

Its errors: 6003 headers that are none, 1000 and 9109 unknown token, 9109 wrong location, 10000 no right or no such
zone; `fail_next` makes any other, 971 throttled, 1009 no right, 5 a fault.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import pytest

READ = frozenset({"read"})
EDIT = frozenset({"read", "edit"})
PREFIX = "/client/v4"
WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{40,}")
ADDRESS = "192.0.2.77"
"""The address from which a bound token seems to be used."""


class Refusal(Exception):
    """An error answer."""

    def __init__(self, status: int, code: int, message: str, chain: Mapping[int, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        error: dict[str, Any] = {"code": code, "message": message}
        if chain:
            error["error_chain"] = [{"code": number, "message": text} for number, text in chain.items()]
        self.error = error


@dataclass
class FakeToken:
    """A token and what it may do."""

    rights: Mapping[str, frozenset[str]]
    """By zone."""
    status: str = "active"
    expires_on: str = ""
    is_bound_elsewhere: bool = False
    is_of_account: bool = False
    """Such a token is not verified at /user/tokens/verify."""


@dataclass
class Failure:
    """How the next requests fail."""

    status: int
    code: int
    message: str
    times: int
    retry_after: int | None
    path: str


@dataclass
class FakeCloudflare:
    """The API. Used as a context manager it serves on `base_url`."""

    zones: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By name."""
    tokens: dict[str, FakeToken] = field(default_factory=dict)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By id."""
    asked: list[str] = field(default_factory=list)
    """Method and target of every request, the latest last."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._failures: list[Failure] = []

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{PREFIX}"

    def add_zone(self, name: str, status: str = "active") -> str:
        """Its id."""
        zone = {"id": f"{next(self._numbers):032x}", "name": name, "status": status}
        self.zones[name] = zone
        return str(zone["id"])

    def add_token(self, rights: Mapping[str, frozenset[str]], **more: Any) -> str:
        """A new token with these rights; `more` as `FakeToken` has it."""
        text = f"fake_{next(self._numbers):035d}"
        self.tokens[text] = FakeToken(rights, **more)
        return text

    def fail_next(
        self,
        status: int,
        code: int,
        message: str = "failed",
        *,
        times: int = 1,
        retry_after: int | None = None,
        path: str = "",
    ) -> None:
        """Let the next requests fail: all, or those whose method and path contain `path`."""
        self._failures.append(Failure(status, code, message, times, retry_after, path))

    def throttle_next(self, times: int = 1, retry_after: int = 120, path: str = "") -> None:
        self.fail_next(429, 971, "Please wait and consider throttling", times=times, retry_after=retry_after, path=path)

    def texts(self, name: str) -> list[str]:
        """What the TXT records of that name hold, as a name server would answer it."""
        with self._lock:
            rows = [row for row in self.records.values() if (row["type"], row["name"]) == ("TXT", name)]
        return [str(row["content"]).strip('"') for row in rows]

    # ------------------------------------------------------------ answering

    def answer(
        self, method: str, target: str, authorization: str, body: object
    ) -> tuple[int, dict[str, Any], int | None]:
        """Status, answer and Retry-After."""
        url = urlsplit(target)
        with self._lock:
            self.asked.append(f"{method} {target}")
            failure = self._failure(f"{method} {url.path}")
            if failure is not None:
                refusal = Refusal(failure.status, failure.code, failure.message)
                return refusal.status, failed(refusal), failure.retry_after
            try:
                token = self._token(authorization, url.path)
                result, more = self._result(
                    token, method, url.path.removeprefix(PREFIX), dict(parse_qsl(url.query)), body
                )
            except Refusal as refusal:
                return refusal.status, failed(refusal), None
        return 200, {"success": True, "errors": [], "messages": [], "result": result, **more}, None

    def _failure(self, asked: str) -> Failure | None:
        for failure in self._failures:
            if failure.path in asked:
                failure.times -= 1
                if failure.times == 0:
                    self._failures.remove(failure)
                return failure
        return None

    def _token(self, authorization: str, path: str) -> FakeToken:
        text = authorization.removeprefix("Bearer ")
        if not WELL_FORMED.fullmatch(text):
            chain = {6111: "Invalid format for Authorization header"}
            raise Refusal(400, 6003, "Invalid request headers", chain)
        is_verifying = path.endswith("/user/tokens/verify")
        token = self.tokens.get(text)
        if token is None or (is_verifying and token.is_of_account):
            raise (
                Refusal(401, 1000, "Invalid API Token") if is_verifying else Refusal(403, 9109, "Invalid access token")
            )
        if token.is_bound_elsewhere:
            raise Refusal(403, 9109, f"Cannot use the access token from location: {ADDRESS}")
        if token.status != "active" and not is_verifying:
            raise Refusal(403, 9109, "Invalid access token")
        return token

    def _result(
        self, token: FakeToken, method: str, path: str, query: dict[str, str], body: object
    ) -> tuple[object, dict[str, Any]]:
        if (method, path) == ("GET", "/user/tokens/verify"):
            more = {"expires_on": token.expires_on} if token.expires_on else {}
            return {"id": "ed17574386854bf78a67040be0a770b0", "status": token.status, **more}, {}
        if (method, path) == ("GET", "/zones"):
            visible = [zone for name, zone in self.zones.items() if token.rights.get(name)]
            return listed([zone for zone in visible if query.get("name") in (None, zone["name"])], query)
        found = re.fullmatch(r"/zones/(\w+)/dns_records(?:/(\w+))?", path)
        if found is None:
            raise Refusal(404, 7000, "No route for that URI")
        zone = next((zone for zone in self.zones.values() if zone["id"] == found[1]), None)
        rights = token.rights.get(zone["name"], frozenset()) if zone else frozenset()
        if zone is None or ("read" if method == "GET" else "edit") not in rights:
            raise Refusal(403, 10000, "Authentication error")
        return self._records(zone, method, found[2], query, body)

    def _records(
        self, zone: Mapping[str, Any], method: str, record: str | None, query: dict[str, str], body: object
    ) -> tuple[object, dict[str, Any]]:
        if record is None and method == "GET":
            wanted = {key: query[key] for key in ("type", "name", "content") if key in query}
            rows = [row for row in self.records.values() if row["zone_id"] == zone["id"]]
            return listed([row for row in rows if all(row[key] == value for key, value in wanted.items())], query)
        if record is not None and self.records.get(record, {}).get("zone_id") != zone["id"]:
            raise Refusal(404, 81044, "Record does not exist.")
        if method == "DELETE" and record is not None:
            del self.records[record]
            return {"id": record}, {}
        if method == "GET" and record is not None:
            return self.records[record], {}
        if not isinstance(body, dict):
            raise Refusal(400, 9207, "Request body is invalid.")
        row = {"ttl": 1, **(self.records[record] if record else {}), **body, "zone_id": zone["id"]}
        if not {"type", "name", "content"} <= row.keys():
            raise Refusal(400, 9005, "Content for the record is invalid.")
        if not f".{row['name']}".endswith(f".{zone['name']}"):
            row["name"] = f"{row['name']}.{zone['name']}"
        same = ("type", "name", "content", "zone_id")
        if any(all(row[key] == other[key] for key in same) for id, other in self.records.items() if id != record):
            raise Refusal(400, 81058, "An identical record already exists.")
        row["id"] = record or f"{next(self._numbers):032x}"
        self.records[row["id"]] = row
        return row, {}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self) -> None:
                data = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                try:
                    body = json.loads(data) if data else None
                except ValueError:
                    body = None
                authorization = self.headers.get("Authorization", "")
                status, answer, retry_after = fake.answer(self.command, self.path, authorization, body)
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                if retry_after is not None:
                    self.send_header("Retry-After", str(retry_after))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve  # noqa: N815 - names that http.server looks for

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        return Handler


def failed(refusal: Refusal) -> dict[str, Any]:
    return {"success": False, "errors": [refusal.error], "messages": [], "result": None}


def listed(rows: list[dict[str, Any]], query: Mapping[str, str]) -> tuple[object, dict[str, Any]]:
    """A page: behind the last one there is an empty one, at which clients stop."""
    page, size = int(query.get("page", "1")), int(query.get("per_page", "20"))
    part = rows[(page - 1) * size : page * size]
    info = {"page": page, "per_page": size, "count": len(part), "total_count": len(rows)}
    return part, {"result_info": {**info, "total_pages": -(-len(rows) // size)}}


@contextmanager
def standing_in(monkeypatch: pytest.MonkeyPatch, *zones: str) -> Iterator[FakeCloudflare]:
    """Whoever asks Cloudflare in this process asks the fake, which has these zones."""
    with FakeCloudflare() as fake:
        for zone in zones:
            fake.add_zone(zone)
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", fake.base_url)
        yield fake
