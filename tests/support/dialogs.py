"""The INVITE and the answers that make dialogs, from either side."""

from __future__ import annotations

from collections.abc import Sequence

from sip_daemon.dialog import Dialog
from sip_daemon.flow import Flow
from sip_daemon.message import Request, Response
from tests.support.transactions import UDP, make_request, make_response

PHONE_CONTACT = "sip:100@192.0.2.7:5062"
OUR_CONTACT = "sip:gosip@192.0.2.1:5060"
PROXIES = ("<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>")


def make_invite(
    contact: str | None, record_route: Sequence[str] = (), *, cseq: int = 10, uri: str = "sip:200@192.0.2.1"
) -> Request:
    headers = [("Record-Route", route) for route in record_route]
    if contact is not None:
        headers.append(("Contact", f"<{contact}>"))
    return make_request("INVITE", cseq=cseq, uri=uri, headers=headers)


def make_answer(
    request: Request,
    status: int,
    contact: str | None = PHONE_CONTACT,
    record_route: Sequence[str] = (),
    *,
    to_tag: str = "callee",
) -> Response:
    response = make_response(request, status, to_tag, contact=contact)
    for route in record_route:
        response.headers.add("Record-Route", route)
    return response


def uas_dialog(status: int = 200, record_route: Sequence[str] = (), flow: Flow = UDP) -> Dialog:
    """A phone called us."""
    invite = make_invite(PHONE_CONTACT, record_route)
    return Dialog.as_uas(invite, make_answer(invite, status, OUR_CONTACT), flow)


def uac_dialog(status: int = 200, record_route: Sequence[str] = (), flow: Flow = UDP) -> tuple[Dialog, Request]:
    """We called a phone; the dialog and our INVITE."""
    invite = make_invite(OUR_CONTACT)
    return Dialog.as_uac(invite, make_answer(invite, status, PHONE_CONTACT, record_route), flow), invite


def within(dialog: Dialog, method: str, cseq: int, *, contact: str | None = None) -> Request:
    """A request of the peer within the dialog."""
    return make_request(
        method,
        branch=f"z9hG4bK{method}{cseq}",
        cseq=cseq,
        call_id=dialog.id.call_id,
        from_tag=dialog.id.remote_tag,
        to_tag=dialog.id.local_tag,
        headers=[("Contact", f"<{contact}>")] if contact is not None else [],
    )
