"""The admin app on a data folder of its own: people, phones, a stand-in for `sip`, HTTPS for a real browser."""

from __future__ import annotations

import ipaddress
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from appliance.operations import devices, users
from appliance.operations.context import Appliance, Context
from appliance.secret import Secret
from appliance.settings import Settings
from flask_admin_ui import create_app
from flask_admin_ui.services import KEY, Services
from tests.support.daemon import StandInDaemon

ADMIN, ADMIN_PASSWORD = "ada", "correct horse battery"
USER, USER_PASSWORD = "grace", "staple of the hopper"


class ManualClock:
    """Unix seconds that only tests move."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class AdminSystem:
    """One data folder with its app. `sip` is a stand-in that can be stopped and started."""

    def __init__(self, folder: Path, clock: ManualClock | None = None, **environment: str) -> None:
        self.settings = Settings.from_environment(folder, environment)
        self.settings.folder.create()
        clock_or_time = {"now": clock} if clock is not None else {}
        self.appliance = Appliance.open(self.settings, **clock_or_time)
        self.sip = StandInDaemon(self.settings.folder.sip_socket)
        self.app: Flask = create_app(self.settings, self.appliance)
        self.app.testing = True

    @property
    def context(self) -> Context:
        """Of the command line: whoever may do everything."""
        return Context.of_command_line(self.appliance)

    @property
    def services(self) -> Services:
        services: Services = self.app.extensions[KEY]
        return services

    def add_people(self) -> None:
        """An administrator and a user."""
        users.create_user(self.context, ADMIN, Secret(ADMIN_PASSWORD), "admin")
        users.create_user(self.context, USER, Secret(USER_PASSWORD), "user")

    def add_device(self, number: str, name: str = "", *, owner: str | None = None, label: str = "") -> str:
        """A phone; returns its password."""
        owner_id = users.get_user(self.context, owner).id if owner else None
        made = devices.add_device(self.context, number, name=name, label=label, owner_id=owner_id)
        return made.password.reveal()


class Actor:
    """Somebody with a browser: signs in, opens pages, sends forms."""

    def __init__(self, client: FlaskClient, name: str, password: str) -> None:
        self.client, self.name, self.password = client, name, password

    def sign_in(self, code: str = "") -> TestResponse:
        return self.post("/sign-in", name=self.name, password=self.password, code=code)

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(path, base_url="https://localhost", headers=named(headers))

    def poll(self, path: str, **headers: str) -> TestResponse:
        """As htmx asks for the live part of a page."""
        return self.get(path, HX_Request="true", HX_Request_Type="partial", **headers)

    def post(self, path: str, **fields: str | int) -> TestResponse:
        """Send a form with the page's token, as the browser does."""
        return self._send(path, fields, {})

    def post_by_htmx(self, path: str, **fields: str | int) -> TestResponse:
        """The same, sent by script."""
        return self._send(path, fields, {"HX-Request": "true"})

    def _send(self, path: str, fields: dict[str, str | int], headers: dict[str, str]) -> TestResponse:
        form = {key.rstrip("_"): str(value) for key, value in fields.items()}
        return self.client.post(
            path,
            base_url="https://localhost",
            data={**form, "csrf_token": self.token()},
            headers={"Referer": "https://localhost/"} | headers,
        )

    def api(self, method: str, path: str, json: object = None) -> TestResponse:
        """Ask the API with the browser's session and the token in a header."""
        return self.client.open(
            path,
            method=method,
            base_url="https://localhost",
            json=json,
            headers={"X-CSRFToken": self.token(), "Referer": "https://localhost/"},
        )

    def token(self) -> str:
        page = self.client.get("/nothing-here", base_url="https://localhost", follow_redirects=True)
        return page.text.partition('name="csrf-token" content="')[2].partition('"')[0]


def named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


class HttpsServer:
    """The app behind TLS on a loopback port, for a real browser."""

    def __init__(self, app: Flask, folder: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(make_certificate(folder))
        self._server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=context)
        self.url = f"https://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> HttpsServer:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()


def make_certificate(folder: Path) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "test.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path
