"""Response headers that make a browser refuse what these pages never do.

One rule: no inline script and no inline style anywhere, so that injected markup stays dead text.
"""

from __future__ import annotations

from flask import Flask, Response, request

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        # data: for the small drawings inside Tabler's style sheet (check marks, arrows of selects).
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # The CSRF check wants a Referer from our own pages; nobody else gets one.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""No Strict-Transport-Security: with the self-signed certificate of the first start it would lock a browser out for
good when that certificate is made anew."""


def install(app: Flask) -> None:
    """Send them with each response, the error pages included."""
    app.after_request(add_headers)


def add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        # A page shows who calls whom: no cache but the browser's own live page keeps it.
        response.headers.setdefault("Cache-Control", "no-store")
    return response
