"""The configuration of nginx: TLS and slow clients in front of the admin app.

The admin answers private and on-link sources only (N18), whatever the machine's firewall says: the rule stands here,
before a request reaches any code of ours.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from appliance.certificates.policy import MODERN_CIPHERS
from appliance.folders import DataFolder

Network = IPv4Network | IPv6Network

PRIVATE_NETWORKS: tuple[Network, ...] = (
    IPv4Network("127.0.0.0/8"),
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv4Network("169.254.0.0/16"),
    IPv6Network("::1/128"),
    IPv6Network("fc00::/7"),
    IPv6Network("fe80::/10"),
)
"""RFC 1918, RFC 4193, loopback and link-local."""

PROGRAM_REQUESTS_PER_SECOND = 50
"""Of one token, lasting: below what the admin app serves, far above what a program needs that waits for answers."""
PROGRAM_BURST = 200


@dataclass(frozen=True, slots=True)
class WebServer:
    """What the configuration depends on."""

    bind_addresses: tuple[str, ...]
    """Addresses to listen on; empty for all."""
    http_port: int
    https_port: int
    certificates: Path
    """The file that names the installed pairs: `appliance.certificates.deployment.write_nginx_pairs`."""
    static_files: Path
    networks: tuple[Network, ...] = PRIVATE_NETWORKS
    """Sources that reach the admin."""
    run_as_root: bool = False


def nginx_configuration(folder: DataFolder, server: WebServer) -> str:
    """The text of `nginx.conf`."""
    return "\n".join(
        [
            *(["user root;"] if server.run_as_root else []),
            "worker_processes 1;",
            "daemon off;",
            f'pid "{folder.run}/nginx.pid";',
            "error_log stderr warn;",
            "events { worker_connections 4096; }",
            "http {",
            *indent(http_lines(folder, server)),
            "}",
            "",
        ]
    )


def http_lines(folder: DataFolder, server: WebServer) -> list[str]:
    temporary = [
        f'{name}_temp_path "{folder.run}/nginx-{name}";'
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    ]
    return [
        "include /etc/nginx/mime.types;",
        "default_type application/octet-stream;",
        "server_tokens off;",
        "sendfile on;",
        "tcp_nodelay on;",
        "keepalive_timeout 60s;",
        "client_header_timeout 15s;",
        "client_body_timeout 30s;",
        "send_timeout 30s;",
        "client_max_body_size 32m;",
        "gzip on;",
        "gzip_types text/css application/javascript image/svg+xml application/json;",
        *temporary,
        "log_format gosip '$remote_addr \"$request_method $uri\" $status $body_bytes_sent $request_time';",
        "access_log /dev/stdout gosip;",
        f'upstream admin {{ server "unix:{folder.admin_socket}" fail_timeout=0; keepalive 16; }}',
        f'upstream events {{ server "unix:{folder.event_stream_socket}" fail_timeout=0; }}',
        # Whoever shows a token in a header is a program: it is slowed down by its own zeal and by nobody else's. A
        # browser shows a cookie, its key here is empty, and an empty key counts for nothing.
        f"limit_req_zone $http_authorization zone=programs:1m rate={PROGRAM_REQUESTS_PER_SECOND}r/s;",
        "limit_req_status 429;",
        *redirect_server(server),
        *admin_server(server),
    ]


def redirect_server(server: WebServer) -> list[str]:
    port = "" if server.https_port == 443 else f":{server.https_port}"
    return [
        "server {",
        *indent(listen_lines(server, server.http_port, "")),
        *indent(access_lines(server)),
        f"    return 308 https://$host{port}$request_uri;",
        "}",
    ]


def admin_server(server: WebServer) -> list[str]:
    return [
        "server {",
        *indent(listen_lines(server, server.https_port, " ssl")),
        *indent(access_lines(server)),
        f'    include "{server.certificates}";',
        "    ssl_protocols TLSv1.2 TLSv1.3;",
        f"    ssl_ciphers {MODERN_CIPHERS};",
        "    ssl_prefer_server_ciphers on;",
        "    ssl_session_cache shared:admin:2m;",
        "    ssl_session_tickets off;",
        # A plain request to the TLS port is a person who typed http://: send them on.
        f"    error_page 497 =308 https://$host:{server.https_port}$request_uri;",
        "    error_page 502 504 =503 @starting;",
        "    location @starting {",
        "        default_type text/html;",
        "        add_header Retry-After 2 always;",
        "        add_header Refresh 2 always;",
        '        return 503 "<!doctype html><html lang=en><title>GoSIP is starting</title><h1>GoSIP is starting</h1>'
        '<p>The admin app does not answer yet. This page tries again by itself every two seconds.</p></html>";',
        "    }",
        "    location /static/ {",
        f'        alias "{server.static_files}/";',
        '        add_header Cache-Control "public, max-age=31536000, immutable";',
        "        add_header X-Content-Type-Options nosniff;",
        "    }",
        "    location / {",
        *indent(indent(proxy_lines("admin"))),
        "    }",
        "    location /api/ {",
        f"        limit_req zone=programs burst={PROGRAM_BURST} nodelay;",
        "        error_page 429 @too_fast;",
        "        error_page 502 504 =503 @starting_api;",
        *indent(indent(proxy_lines("admin"))),
        "    }",
        "    location = /api/events/stream {",
        "        error_page 502 504 =503 @starting_api;",
        *indent(indent(proxy_lines("events"))),
        # An event is sent on at once, and not compressed: that would wait for more.
        "        proxy_buffering off;",
        "        gzip off;",
        "    }",
        *problem_location("too_fast", 429, 1, "This token asks too often. Wait a second, then go on more slowly."),
        *problem_location("starting_api", 503, 2, "A part of GoSIP is starting. Ask again in a few seconds."),
        "}",
    ]


def proxy_lines(upstream: str) -> list[str]:
    """To a program of ours, which is told who asks and for which name."""
    return [
        f"proxy_pass http://{upstream};",
        "proxy_http_version 1.1;",
        'proxy_set_header Connection "";',
        "proxy_set_header Host $http_host;",
        "proxy_set_header X-Forwarded-For $remote_addr;",
        "proxy_set_header X-Forwarded-Proto https;",
        "proxy_set_header X-Forwarded-Host $http_host;",
        "proxy_connect_timeout 5s;",
        "proxy_read_timeout 60s;",
    ]


def problem_location(name: str, status: int, retry_after: int, detail: str) -> list[str]:
    """An answer of nginx itself, in the form of the API's (RFC 9457)."""
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "details": []}
    return [
        f"    location @{name} {{",
        "        default_type application/problem+json;",
        f"        add_header Retry-After {retry_after} always;",
        '        add_header Cache-Control "no-store" always;',
        f"        return {status} '{json.dumps(body)}';",
        "    }",
    ]


def listen_lines(server: WebServer, port: int, options: str) -> list[str]:
    if not server.bind_addresses:
        return [f"listen {port}{options};", f"listen [::]:{port}{options};"]
    return [
        f"listen {f'[{address}]' if ':' in address else address}:{port}{options};" for address in server.bind_addresses
    ]


def access_lines(server: WebServer) -> list[str]:
    return [
        *(f"allow {network};" for network in server.networks),
        "deny all;",
        "error_page 403 @outside;",
        "location @outside {",
        "    default_type text/plain;",
        '    return 403 "The admin pages of this phone system answer its own network only. '
        'Open them from inside the network, or through a VPN.\\n";',
        "}",
    ]


def allowed_networks(on_link: Sequence[Network], chosen: Sequence[Network] = ()) -> tuple[Network, ...]:
    """The private networks, those that this machine has an address in, and those that the admin chose."""
    return tuple(dict.fromkeys([*PRIVATE_NETWORKS, *on_link, *chosen]))


def indent(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]
