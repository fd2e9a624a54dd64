"""nginx's configuration: accepted by nginx itself, closed to outsiders, modern TLS only."""

from __future__ import annotations

import subprocess
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from appliance.certificates.deployment import write_nginx_pairs
from appliance.certificates.store import CertificateStore
from appliance.folders import DataFolder
from appliance.supervision.web_server import PRIVATE_NETWORKS, WebServer, allowed_networks, nginx_configuration

NGINX = Path("/usr/sbin/nginx")


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    folder = DataFolder.at(tmp_path / "a folder")
    folder.create()
    return folder


def server(folder: DataFolder, **changes: object) -> WebServer:
    values: dict[str, object] = {
        "bind_addresses": ("127.0.0.1", "::1"),
        "http_port": 18080,
        "https_port": 18443,
        "certificates": write_nginx_pairs(folder),
        "static_files": folder.path,
    }
    return WebServer(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.skipif(not NGINX.exists(), reason="nginx is not installed")
def test_nginx_accepts_the_configuration_with_a_pair_of_each_key_type(folder: DataFolder) -> None:
    for algorithm in (["rsa:2048"], ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]):
        pair = CertificateStore(folder.certificates).current("rsa" if len(algorithm) == 1 else "ecdsa")
        pair.mkdir(parents=True)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", *algorithm, "-nodes", "-days", "1", "-subj", "/CN=test",
             "-keyout", str(pair / "privkey.pem"), "-out", str(pair / "fullchain.pem")],
            check=True, capture_output=True,
        )  # fmt: skip
    path = folder.run / "nginx.conf"
    path.write_text(nginx_configuration(folder, server(folder)))
    result = subprocess.run(
        [str(NGINX), "-t", "-q", "-e", "stderr", "-p", str(folder.run), "-c", str(path)], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr


def test_only_the_named_networks_are_let_in(folder: DataFolder) -> None:
    text = nginx_configuration(folder, server(folder, networks=(IPv4Network("198.51.100.0/24"),)))
    assert "allow 198.51.100.0/24;" in text
    assert "allow 10.0.0.0/8;" not in text
    assert text.count("deny all;") == 2


def test_a_public_network_is_let_in_only_where_this_machine_is_on_it() -> None:
    network = IPv4Network("203.0.113.0/24")
    assert network not in PRIVATE_NETWORKS
    assert allowed_networks([network])[-1] == network
    assert allowed_networks([IPv4Network("10.0.0.0/8")]) == PRIVATE_NETWORKS


def test_nothing_older_than_tls_1_2_is_spoken(folder: DataFolder) -> None:
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in nginx_configuration(folder, server(folder))


def test_without_addresses_it_listens_on_both_families(folder: DataFolder) -> None:
    text = nginx_configuration(folder, server(folder, bind_addresses=()))
    assert "listen 18443 ssl;" in text
    assert "listen [::]:18443 ssl;" in text


def test_plain_http_is_sent_on_to_https(folder: DataFolder) -> None:
    assert "return 308 https://$host:18443$request_uri;" in nginx_configuration(folder, server(folder))


def test_the_standard_port_is_left_out_of_the_address(folder: DataFolder) -> None:
    assert "return 308 https://$host$request_uri;" in nginx_configuration(folder, server(folder, https_port=443))


def test_events_are_sent_on_at_once(folder: DataFolder) -> None:
    text = nginx_configuration(folder, server(folder))
    location = text.partition("location = /api/events/stream {")[2].partition("}")[0]
    assert "proxy_pass http://events;" in location
    assert "proxy_buffering off;" in location
    assert "gzip off;" in location


def test_one_token_is_slowed_down_and_told_so(folder: DataFolder) -> None:
    """RFC 6585 §4, as a problem document."""
    text = nginx_configuration(folder, server(folder))
    assert "limit_req_zone $http_authorization" in text
    answer = text.partition("location @too_fast {")[2].partition("}\n")[0]
    assert "application/problem+json" in answer
    assert "Retry-After" in answer
    assert "return 429" in answer
