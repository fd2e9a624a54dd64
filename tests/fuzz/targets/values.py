"""Single header values: what parses is written, parses again, and is the same."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message import CSeq, DigestChallenge, DigestCredentials, NameAddress, Uri, Via

LEAD = b"\r\n"


def round_trip(*parsers: Callable[[str], object]) -> Callable[[bytes], None]:
    """A check of one invariant: any text gives an equal value again after writing, or `RemoteProtocolError`."""

    def check(data: bytes) -> None:
        # As a header value comes: decoded, without line ends.
        text = data.decode("utf-8", "replace").replace("\r", "").replace("\n", "")
        for parse in parsers:
            with suppress(RemoteProtocolError):
                value = parse(text)
                written = str(value)
                assert parse_again(parse, written) == value, written

    return check


def parse_again(parse: Callable[[str], object], text: str) -> object:
    try:
        return parse(text)
    except RemoteProtocolError as error:
        raise AssertionError(f"what was written cannot be read: {text!r}") from error


check_uri = round_trip(Uri.parse)
check_via = round_trip(Via.parse)
check_address = round_trip(NameAddress.parse)
check_digest = round_trip(DigestCredentials.parse, DigestChallenge.parse)
check_cseq = round_trip(CSeq.parse)
