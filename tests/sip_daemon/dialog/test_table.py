"""The table of dialogs (RFC 3261 §12.2.2): Call-ID and both tags, or nothing."""

from __future__ import annotations

import pytest

from sip_daemon.dialog import Dialog, DialogTable
from sip_daemon.errors import LocalProtocolError
from tests.support.dialogs import make_answer, make_invite, uac_dialog, uas_dialog, within
from tests.support.transactions import UDP, make_request


def table_of(*dialogs: Dialog) -> DialogTable:
    table = DialogTable()
    for dialog in dialogs:
        table.add(dialog)
    return table


@pytest.mark.parametrize("dialog", [uas_dialog(), uac_dialog()[0]], ids=["uas", "uac"])
def test_a_request_of_the_peer_finds_its_dialog(dialog: Dialog) -> None:
    assert table_of(dialog).find(within(dialog, "BYE", 11)) is dialog


@pytest.mark.parametrize("changed", [{"call_id": "x"}, {"from_tag": "x"}, {"to_tag": "x"}, {"to_tag": None}])
def test_call_id_and_both_tags_must_be_the_same(changed: dict[str, str]) -> None:
    dialog = uas_dialog()
    identity: dict[str, str] = {"call_id": "call-1", "from_tag": "caller", "to_tag": "callee"}
    request = make_request("BYE", **(identity | changed))  # type: ignore[arg-type]
    assert table_of(dialog).find(request) is None


def test_a_request_of_our_own_looping_back_finds_nothing() -> None:
    dialog = uas_dialog()
    bye = dialog.request("BYE")
    assert table_of(dialog).find(bye) is None


def test_forks_are_kept_apart() -> None:
    invite = make_invite("sip:gosip@192.0.2.1")
    one, two = (Dialog.as_uac(invite, make_answer(invite, 180, to_tag=tag), UDP) for tag in ("one", "two"))
    table = table_of(one, two)
    assert table.get(one.id) is one
    assert table.get(two.id) is two


def test_two_dialogs_with_one_id_are_refused() -> None:
    with pytest.raises(LocalProtocolError):
        table_of(uas_dialog(), uas_dialog())


def test_adding_the_same_dialog_again_changes_nothing() -> None:
    dialog = uas_dialog()
    assert len(table_of(dialog, dialog)) == 1


def test_a_removed_dialog_is_not_found_and_may_be_removed_again() -> None:
    dialog = uas_dialog()
    table = table_of(dialog)
    table.remove(dialog)
    table.remove(dialog)
    assert table.find(within(dialog, "BYE", 11)) is None
    assert len(table) == 0


def test_iterating_allows_removal() -> None:
    table = table_of(uas_dialog(), uac_dialog()[0])
    for dialog in table:
        table.remove(dialog)
    assert len(table) == 0
