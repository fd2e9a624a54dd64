"""All 49 torture messages of RFC 4475 with the verdict of our parser.

A verdict is a status (with "answered" or "silent") or the values that a reader must find. Where the RFC leaves
the choice, the reason for ours stands beside it. The files are not part of this project; see `FOLDER`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sip_daemon.message import MalformedMessage, NameAddress, Request, Response, parse_message

FOLDER = Path(__file__).parents[4] / "shared" / "torture"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the RFC 4475 messages are not in {FOLDER}")


def read(name: str) -> bytes:
    return (FOLDER / f"{name}.dat").read_bytes()


def accepted_request(name: str) -> Request:
    message = parse_message(read(name))
    assert isinstance(message, Request)
    return message


def accepted_response(name: str) -> Response:
    message = parse_message(read(name))
    assert isinstance(message, Response)
    return message


def contacts(request: Request) -> tuple[NameAddress, ...]:
    assert isinstance(request.contacts, tuple)
    return request.contacts


REFUSED = {
    # §3.1.2: syntactically invalid
    "badinv01": (400, "silent"),  # .1: the only Via is malformed, so nobody knows the way back
    "clerr": (400, "answered"),  # .2: Content-Length beyond the datagram
    "ncl": (400, "answered"),  # .3: negative Content-Length
    "scalar02": (400, "answered"),  # .4: scalars out of range in a request
    "scalarlg": (400, "silent"),  # .5: the same in a response
    "quotbal": (400, "answered"),  # .6: unterminated quoted string in To
    "ltgtruri": (400, "answered"),  # .7: <> around the Request-URI
    "lwsruri": (400, "answered"),  # .8: space within the Request-URI
    "lwsstart": (400, "answered"),  # .9: several spaces in the start line; liberal is allowed, exact is safer
    "trws": (400, "answered"),  # .10: space behind the version; likewise
    "escruri": (400, "answered"),  # .11: headers in the Request-URI
    "regbadct": (400, "answered"),  # .13: a Contact with ? but without brackets
    "badaspec": (400, "answered"),  # .14: spaces inside the brackets
    "badvers": (505, "answered"),  # .16: version 7.0
    "mismatch01": (400, "answered"),  # .17: CSeq names another method
    "mismatch02": (400, "answered"),  # .18: the same with an unknown method; 501 would be allowed
    "bigcode": (400, "silent"),  # .19: status 4294967301
    # §3.3: application layer
    "insuf": (400, "silent"),  # .1: no Call-ID, From or To
    "multi01": (400, "answered"),  # .8: two of each single-valued header
    "mcl01": (400, "answered"),  # .9: two Content-Lengths
    # in the folder, not in the RFC: no version, a line without a colon
    "test": (400, "silent"),
}


@pytest.mark.parametrize(("name", "verdict"), REFUSED.items())
def test_it_is_refused(name: str, verdict: tuple[int, str]) -> None:
    with pytest.raises(MalformedMessage) as refused:
        parse_message(read(name))
    error = refused.value
    assert (error.status, "silent" if error.partial is None else "answered") == verdict
    if error.partial is not None:
        assert bytes(Response.to_request(error.partial, error.status)).startswith(b"SIP/2.0 %d " % error.status)


def check_wsinv(name: str) -> None:
    """§3.1.1.1: a short tortuous INVITE."""
    request = accepted_request(name)
    assert "unknownparam" in request.uri.parameters
    assert request.to.tag == "1918181833n"
    assert (request.from_.display_name, request.from_.tag) == ('J Rosenberg \\"', "98asjd8")
    assert request.max_forwards == 68
    assert (request.cseq.number, request.cseq.method) == (9, "INVITE")
    assert [(via.transport, via.host, via.branch) for via in request.vias] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    assert request.headers.get("Subject") == ""
    assert request.headers.get("NewFangledHeader") == "newfangled value continued newfangled value"
    assert request.headers.get("UnknownHeaderWithUnusualValue") == ";;,,;;,;"
    (route,) = request.routes
    assert route.uri.is_loose_router
    assert list(route.uri.parameters) == ["lr", "unknownwith", "unknown-no-value"]
    (contact,) = contacts(request)
    assert (contact.display_name, contact.q, contact.parameters["newparam"]) == ('Quoted string ""', 0.33, "newvalue")
    assert len(request.body) == 150


def check_intmeth(name: str) -> None:
    """§3.1.1.2: a wide range of valid characters."""
    request = accepted_request(name)
    assert request.method == request.cseq.method == "!interesting-Method0123456789_*+`.%indeed'~"
    assert request.uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert request.uri.password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    assert request.uri.host == "example.com"
    assert request.to.display_name == "BEL:\a NUL:\0 DEL:\x7f"
    assert request.from_.display_name == "token1~` token2'+_ token3*%!.-"
    assert request.from_.parameters["fromParam''~+*_!.-%"] == "работающий"
    assert request.from_.tag == "_token~1'+`*%!-."
    assert request.call_id == "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"
    assert request.headers.get("extensionHeader-!.%*+_`'~") == "\ufeff大停電"
    assert request.max_forwards == 255


def check_esc01(name: str) -> None:
    """§3.1.1.3: % as escape."""
    request = accepted_request(name)
    assert request.uri.user == "sips:user@example.com"
    assert request.to.uri.user == "user"
    assert request.from_.uri.user == "I have spaces"
    uri = contacts(request)[0].uri
    assert uri.user == "caller"
    assert dict(uri.parameters) == {"%6c%72": None, "n%61me": "value%41"}
    assert str(uri) == "sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31"


def check_escnull(name: str) -> None:
    """§3.1.1.4: escaped nulls."""
    request = accepted_request(name)
    assert request.to.uri.user == "null-\0-null"
    assert [contact.uri.user for contact in contacts(request)] == ["\0", "\0\0"]
    assert str(request.to.uri) == "sip:null-%00-null@example.com"


def check_esc02(name: str) -> None:
    """§3.1.1.5: % where it is no escape."""
    request = accepted_request(name)
    assert request.method == "RE%47IST%45R"
    assert request.to.display_name == "%Z%45"
    assert request.top_via.branch == "z9hG4bK209%fzsnel234"
    assert [contact.uri.user for contact in contacts(request)] == ["alias1", "alias3"]
    assert request.headers.get("C%6Fntact") == "<sip:alias2@host2.example.com>"


def check_lwsdisp(name: str) -> None:
    """§3.1.1.6: no space between display name and <."""
    assert accepted_request(name).from_.display_name == "caller"


def check_longreq(name: str) -> None:
    """§3.1.1.7: long values."""
    request = accepted_request(name)
    assert len(request.vias) == 34
    assert request.vias[0].host == "sip33.example.com"
    assert request.vias[-1].received == "192.0.2.5"
    assert request.from_.uri.user == "amazinglylongcallername" * 5
    assert request.to.uri.port == 6000
    assert request.to.display_name.startswith("I have a user name of extreme")
    assert len(request.body) == 150


def check_dblreq(name: str) -> None:
    """§3.1.1.8: what follows the message in a datagram is ignored."""
    request = accepted_request(name)
    assert (request.method, request.body) == ("REGISTER", b"")


def check_semiuri(name: str) -> None:
    """§3.1.1.9: a semicolon in the user part."""
    request = accepted_request(name)
    assert (request.uri.user, request.uri.host) == ("user;par=u@example.net", "example.com")
    assert len(request.headers.values("Accept")) == 6


def check_transports(name: str) -> None:
    """§3.1.1.10: several, also unknown, transports."""
    assert [via.transport for via in accepted_request(name).vias] == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]


def check_mpart01(name: str) -> None:
    """§3.1.1.11: a binary multipart body survives."""
    request = accepted_request(name)
    assert request.content_type == "multipart/mixed"
    assert len(request.body) == 553
    assert request.body in bytes(request)


def check_unreason(name: str) -> None:
    """§3.1.1.12: an unusual reason phrase."""
    response = accepted_response(name)
    assert response.status == 200
    assert response.reason.startswith("= 2**3 * 5**2 но сто девяносто девять")
    assert "простое" in bytes(response).decode()


def check_noreason(name: str) -> None:
    """§3.1.1.13: an empty reason phrase."""
    response = accepted_response(name)
    assert (response.status, response.reason) == (100, "")


def check_regescrt(name: str) -> None:
    """§3.3.14: a Contact that carries an escaped Route."""
    (contact,) = contacts(accepted_request(name))
    assert contact.uri.headers["Route"] == "<sip:sip.example.com>"


def check_baddn(name: str) -> None:
    """§3.1.2.15: a comma in an unquoted display name; understood, since From takes one value."""
    request = accepted_request(name)
    assert request.from_.display_name == "Bell, Alexander"
    assert (request.from_.tag, request.from_.uri.user) == ("43", "a.g.bell")


def check_baddate(name: str) -> None:
    """§3.1.2.12: a Date in another zone; nobody needs it."""
    assert accepted_request(name).headers.get("Date") == "Fri, 01 Jan 2010 16:00:00 EST"


def check_badbranch(name: str) -> None:
    """§3.2.1: a branch of nothing but the cookie identifies no transaction."""
    assert not accepted_request(name).top_via.has_unique_branch


def check_unkscm(name: str) -> None:
    """§3.3.2: an unknown scheme is the transaction user's 416."""
    uri = accepted_request(name).uri
    assert (uri.scheme, uri.opaque) == ("nobodyknowsthisscheme", "totallyopaquecontent")
    assert str(uri) == "nobodyKnowsThisScheme:totallyopaquecontent"


def check_novelsc(name: str) -> None:
    """§3.3.3: a known scheme that is not SIP's."""
    assert str(accepted_request(name).uri) == "soap.beep://192.0.2.103:3002"


def check_unksm2(name: str) -> None:
    """§3.3.4: unknown schemes in To, From and Contact."""
    request = accepted_request(name)
    assert str(request.to.uri) == "isbn:2983792873"
    assert (request.from_.uri.scheme, request.from_.tag) == ("http", "3234233")
    assert contacts(request)[0].uri.opaque == "John_Smith"


def check_bext01(name: str) -> None:
    """§3.3.5: extensions that nobody supports are the transaction user's 420."""
    assert accepted_request(name).require == {"nothingsupportsthis", "nothingsupportsthiseither"}


def check_invut(name: str) -> None:
    """§3.3.6: an unknown body type is the transaction user's 415."""
    assert accepted_request(name).content_type == "application/unknownformat"


def check_regaut01(name: str) -> None:
    """§3.3.7: credentials of an unknown scheme are no credentials."""
    assert accepted_request(name).authorizations == ()


def check_bcast(name: str) -> None:
    """§3.3.10: a response whose top Via is not the only one is the transaction layer's to drop."""
    assert [via.host for via in accepted_response(name).vias] == ["192.0.2.198", "255.255.255.255"]


def check_zeromf(name: str) -> None:
    """§3.3.11: Max-Forwards 0 is no error for who answers."""
    assert accepted_request(name).max_forwards == 0


def check_cparam01(name: str) -> None:
    """§3.3.12: without brackets the parameter is the header's."""
    (contact,) = contacts(accepted_request(name))
    assert (list(contact.parameters), list(contact.uri.parameters)) == (["unknownparam"], [])


def check_cparam02(name: str) -> None:
    """§3.3.13: within brackets it is the URI's."""
    (contact,) = contacts(accepted_request(name))
    assert (list(contact.parameters), list(contact.uri.parameters)) == ([], ["unknownparam"])


def check_sdp01(name: str) -> None:
    """§3.3.15: an Accept without application/sdp is the transaction user's 406."""
    assert accepted_request(name).headers.values("Accept") == ["text/nobodyKnowsThis"]


def check_inv2543(name: str) -> None:
    """§3.4.1: an INVITE of RFC 2543: no branch, no tag, no Max-Forwards, no Content-Length, no Contact."""
    request = accepted_request(name)
    assert (request.top_via.branch, request.from_.tag, request.max_forwards) == (None, None, None)
    assert request.body.startswith(b"v=0")


ACCEPTED: list[Callable[[str], None]] = [
    check for key, check in sorted(globals().items()) if key.startswith("check_") and callable(check)
]


@pytest.mark.parametrize("check", ACCEPTED, ids=lambda check: check.__name__.removeprefix("check_"))
def test_it_is_accepted(check: Callable[[str], None]) -> None:
    check(check.__name__.removeprefix("check_"))


def test_each_message_has_a_verdict() -> None:
    judged = {check.__name__.removeprefix("check_") for check in ACCEPTED} | set(REFUSED)
    assert judged == {path.stem for path in FOLDER.glob("*.dat")}
