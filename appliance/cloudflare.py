"""The API of Cloudflare (version 4), as much of it as DNS records need.

`CLOUDFLARE_BASE_URL` names another address of the API, as it does for Cloudflare's own client library: for tests. Each
question is one HTTPS request with the certificate verified, and none is repeated: whoever asks knows whether he may
wait.

    CloudflareError                what went wrong, for a person; never with the token in it
    ├── TokenMalformed             it cannot be a token: nothing was sent
    ├── CloudflareRefused          the API said no: `status`, and `codes` with the text of each
    ├── CloudflareThrottled        too many requests; `retry_after` in seconds
    ├── CloudflareFault            the API has a fault of its own
    └── CloudflareUnreachable      no connection, no valid certificate, no answer in time
"""

from __future__ import annotations

import http.client
import json
import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from appliance.errors import ApplianceError
from appliance.secret import Secret

BASE_URL = "https://api.cloudflare.com/client/v4"
TIMEOUT_SECONDS = 10.0
MAX_ANSWER_BYTES = 1024 * 1024
PAGE_SIZE = 50
DEFAULT_RETRY_SECONDS = 300
THROTTLED = {971, 10429}
FAULTS = {5}
TOKEN = re.compile(r"[A-Za-z0-9_-]{40,200}")
GLOBAL_KEY = re.compile(r"[0-9a-f]{37}")

NOT_A_TOKEN = "This is no API token of Cloudflare: those have at least 40 letters, digits, - and _, without blanks."  # noqa: S105
A_GLOBAL_KEY = "This is a Global API Key, which opens the whole account. GoSIP takes an API token only."
WORDS = re.compile(r"[^\x20-\x7e]")


class CloudflareError(ApplianceError):
    """Cloudflare did not do what was asked."""


class TokenMalformed(CloudflareError):
    """The text cannot be a token."""


class CloudflareRefused(CloudflareError):
    """The API refused, for the reasons in `codes`."""

    def __init__(self, status: int, codes: Mapping[int, str]) -> None:
        told = "; ".join(f"{code} {text}" for code, text in codes.items()) or f"HTTP status {status}"
        super().__init__(f"Cloudflare refused: {told}.")
        self.status = status
        self.codes = dict(codes)


class CloudflareThrottled(CloudflareError):
    """Too many requests: ask again after `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Cloudflare takes no more requests for now. Try again in {retry_after} seconds.")
        self.retry_after = retry_after


class CloudflareFault(CloudflareError):
    """The API answered that it is broken, or what is no answer of this API."""


class CloudflareUnreachable(CloudflareError):
    """Nobody could be asked."""


@dataclass(frozen=True, slots=True)
class TokenState:
    """What the API tells of a token."""

    status: str
    """`active`, `disabled` or `expired`."""
    expires_on: str
    """RFC 3339; empty when it never does."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A domain that the token may see."""

    id: str
    name: str
    status: str
    """`active` when the domain's name servers are Cloudflare's."""


def check_token(token: Secret) -> None:
    """Raises `TokenMalformed`."""
    if GLOBAL_KEY.fullmatch(token.reveal()):
        raise TokenMalformed(A_GLOBAL_KEY)
    if not TOKEN.fullmatch(token.reveal()):
        raise TokenMalformed(NOT_A_TOKEN)


class CloudflareClient:
    """Asks the API with one token; safe in several threads. Raises a `CloudflareError` from every question."""

    def __init__(self, token: Secret, base_url: str = "") -> None:
        check_token(token)
        self._token = token
        self._base = urlsplit(base_url or os.environ.get("CLOUDFLARE_BASE_URL") or BASE_URL)

    def token_state(self) -> TokenState:
        """Of a token that belongs to a person; one of an account is refused here, and works all the same."""
        result = self._mapping("GET", "/user/tokens/verify")
        return TokenState(str(result.get("status", "")), str(result.get("expires_on") or ""))

    def zones(self, name: str = "") -> tuple[Zone, ...]:
        """The zone of exactly that name, if the token may see it; without a name the first that it may see."""
        query = {"name": name} if name else {}
        result = self._ask("GET", "/zones", {**query, "per_page": str(PAGE_SIZE)})
        if not isinstance(result, list):
            raise no_answer()
        return tuple(Zone(str(row["id"]), str(row["name"]), str(row.get("status", ""))) for row in result)

    def zone_of(self, name: str) -> Zone | None:
        """The zone that a name belongs to: the longest end of it for which there is one."""
        labels = name.removeprefix("*.").rstrip(".").split(".")
        for start in range(len(labels) - 1):
            found = self.zones(".".join(labels[start:]))
            if found:
                return found[0]
        return None

    def create_record(self, zone: Zone, kind: str, name: str, content: str, *, ttl: int = 60) -> str:
        """Add a record and return its id."""
        body = {"type": kind, "name": name, "content": content, "ttl": ttl}
        return str(self._mapping("POST", f"/zones/{quote(zone.id, safe='')}/dns_records", body).get("id", ""))

    def delete_record(self, zone: Zone, record_id: str) -> None:
        self._ask("DELETE", f"/zones/{quote(zone.id, safe='')}/dns_records/{quote(record_id, safe='')}")

    def _mapping(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Mapping[str, Any]:
        result = self._ask(method, path, body=body)
        if not isinstance(result, dict):
            raise no_answer()
        return result

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> object:
        target = self._base.path.rstrip("/") + path + (f"?{urlencode(query)}" if query else "")
        headers = {"Authorization": f"Bearer {self._token.reveal()}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection = self._connection()
        try:
            connection.request(method, target, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            data = response.read(MAX_ANSWER_BYTES)
        except ssl.SSLCertVerificationError as error:
            raise CloudflareUnreachable(
                f"The certificate of {self._base.hostname} is not to be trusted ({error.verify_message}). Something "
                "on the way opens encrypted connections, or the clock of this machine is wrong."
            ) from error
        except TimeoutError as error:
            raise CloudflareUnreachable(f"{self._base.hostname} did not answer in time.") from error
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise CloudflareUnreachable(f"{self._base.hostname} cannot be reached: {reason}.") from error
        finally:
            connection.close()
        return result_of(response.status, response.headers.get("Retry-After", ""), data)

    def _connection(self) -> http.client.HTTPConnection:
        host = self._base.hostname or ""
        if self._base.scheme == "http":
            return http.client.HTTPConnection(host, self._base.port, timeout=TIMEOUT_SECONDS)
        verified = ssl.create_default_context()
        return http.client.HTTPSConnection(host, self._base.port, timeout=TIMEOUT_SECONDS, context=verified)


def result_of(status: int, retry_after: str, data: bytes) -> object:
    """The `result` of an answer. Raises what the answer says instead."""
    try:
        answer = json.loads(data)
    except ValueError:
        answer = None
    codes = codes_of(answer)
    if status == http.client.TOO_MANY_REQUESTS or THROTTLED & codes.keys():
        raise CloudflareThrottled(int(retry_after) if retry_after.isdecimal() else DEFAULT_RETRY_SECONDS)
    if status >= http.client.INTERNAL_SERVER_ERROR or FAULTS & codes.keys():
        raise CloudflareFault(f"Cloudflare has a fault at the moment (HTTP status {status}). Try again later.")
    if not isinstance(answer, dict):
        raise no_answer()
    if status >= http.client.BAD_REQUEST or answer.get("success") is not True:
        raise CloudflareRefused(status, codes)
    return answer.get("result")


def codes_of(answer: object) -> dict[int, str]:
    """The errors of an answer, also those that explain another one, by number."""
    found: dict[int, str] = {}
    waiting = [answer.get("errors")] if isinstance(answer, dict) else []
    while waiting:
        errors = waiting.pop()
        for error in errors if isinstance(errors, list) else []:
            if isinstance(error, dict) and isinstance(error.get("code"), int):
                found.setdefault(error["code"], WORDS.sub(" ", str(error.get("message", "")))[:200].rstrip(". "))
                waiting.append(error.get("error_chain"))
    return found


def no_answer() -> CloudflareFault:
    return CloudflareFault("What answered is not the API of Cloudflare. Is there a proxy on the way?")
