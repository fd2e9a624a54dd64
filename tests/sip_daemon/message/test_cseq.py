from __future__ import annotations

import pytest

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.message import CSeq


@pytest.mark.parametrize("text", ["1 INVITE", "0 ACK", "2147483647 RE%47IST%45R"])
def test_a_cseq_is_written_as_it_was_read(text: str) -> None:
    assert str(CSeq.parse(text)) == text


def test_leading_zeros_and_wide_space_are_accepted() -> None:
    assert CSeq.parse("0009 \t INVITE") == CSeq(9, "INVITE")


@pytest.mark.parametrize(
    "text", ["", "1", "INVITE", "INVITE 1", "-1 INVITE", "2147483648 INVITE", "1 IN VITE", "1 INV/TE", "٣ INVITE"]
)
def test_a_malformed_cseq_is_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        CSeq.parse(text)
