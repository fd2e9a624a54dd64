from __future__ import annotations

import pytest

from sip_daemon.endpoint import next_max_forwards
from sip_daemon.errors import RemoteProtocolError
from tests.support.messages import invite


@pytest.mark.parametrize(("received", "sent"), [("70", 69), ("1", 0), ("255", 69), (None, 69)])
def test_each_hop_takes_one_off_max_forwards(received: str | None, sent: int) -> None:
    """RFC 3261 §16.6; where it is missing, or more than anybody should ask for, we start anew."""
    assert next_max_forwards(invite(headers={"Max-Forwards": received})) == sent


def test_a_request_that_may_go_no_further_is_too_many_hops() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        next_max_forwards(invite(headers={"Max-Forwards": "0"}))
    assert caught.value.status == 483
