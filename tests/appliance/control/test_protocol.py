"""Framing and messages of the control sockets, without a socket."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.control.errors import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    NOT_FOUND,
    PARSE_ERROR,
    CallRefused,
    ProtocolMismatch,
)
from appliance.control.protocol import (
    PROTOCOL_VERSION,
    ClientProtocol,
    Greeting,
    LineFramer,
    Request,
    Response,
    ServerProtocol,
)


def joined() -> tuple[ClientProtocol, ServerProtocol]:
    client, server = ClientProtocol(), ServerProtocol("sip")
    client.receive_data(server.take_output())
    return client, server


def answers(server: ServerProtocol) -> list[dict[str, Any]]:
    return [json.loads(text) for text in server.take_output().splitlines()]


def test_the_server_greets_with_its_name_and_version_first() -> None:
    assert json.loads(ServerProtocol("media-0").take_output()) == {"gosip": "media-0", "protocol": PROTOCOL_VERSION}


def test_the_client_learns_who_answers() -> None:
    client, _ = joined()
    assert client.greeting == Greeting("sip", PROTOCOL_VERSION)


def test_a_call_and_its_result_cross() -> None:
    client, server = joined()
    number = client.call("binding.list", {"limit": 3})
    (request,) = server.receive_data(client.take_output())
    assert (request.method, request.params) == ("binding.list", {"limit": 3})
    server.reply(request, {"total": 0})
    assert client.receive_data(server.take_output()) == [Response(number, {"total": 0})]


def test_an_error_crosses_with_code_text_and_data() -> None:
    client, server = joined()
    client.call("call.hangup", {"id": "x"})
    (request,) = server.receive_data(client.take_output())
    server.refuse(request, CallRefused(NOT_FOUND, "There is no such call.", {"id": "x"}))
    (response,) = client.receive_data(server.take_output())
    assert isinstance(response, Response)
    with pytest.raises(CallRefused, match="no such call") as caught:
        response.value()
    assert (caught.value.code, caught.value.data) == (NOT_FOUND, {"id": "x"})


def test_a_null_result_is_a_result() -> None:
    client, server = joined()
    client.call("nudge", {})
    (request,) = server.receive_data(client.take_output())
    server.reply(request, None)
    (response,) = client.receive_data(server.take_output())
    assert isinstance(response, Response)
    assert response.value() is None


def test_a_notification_is_never_answered() -> None:
    client, server = joined()
    client.notify("nudge", {})
    (request,) = server.receive_data(client.take_output())
    assert request.is_notification
    server.reply(request, {})
    server.refuse(request, CallRefused(NOT_FOUND, "no"))
    assert server.take_output() == b""


def test_the_server_notifies_the_client() -> None:
    client, server = joined()
    server.notify("session.event", {"id": "a"})
    assert client.receive_data(server.take_output()) == [Request("session.event", {"id": "a"})]


def test_several_messages_of_one_read_stay_in_order() -> None:
    client, server = joined()
    client.call("a", {})
    client.call("b", {})
    assert [request.method for request in server.receive_data(client.take_output())] == ["a", "b"]


def test_messages_survive_any_split_of_the_stream() -> None:
    client, server = joined()
    client.call("a", {"name": "Zoë\n"})
    data = client.take_output()
    requests = [request for index in range(len(data)) for request in server.receive_data(data[index : index + 1])]
    assert [request.params for request in requests] == [{"name": "Zoë\n"}]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"nonsense", PARSE_ERROR),
        (b"\xff\xfe", PARSE_ERROR),
        (b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"x":NaN}}', PARSE_ERROR),
        (b"[" * 100_000, PARSE_ERROR),
        (b"[]", INVALID_REQUEST),
        (b"7", INVALID_REQUEST),
        (b'{"id":1,"method":"m"}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":true,"method":"m"}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":[1],"method":"m"}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1,"method":"m","params":[1]}', INVALID_PARAMS),
    ],
)
def test_a_malformed_request_is_answered_with_its_code_and_the_connection_goes_on(text: bytes, code: int) -> None:
    server = ServerProtocol("sip")
    server.take_output()
    assert server.receive_data(text + b"\n") == []
    (answer,) = answers(server)
    assert answer["error"]["code"] == code
    assert len(server.receive_data(b'{"jsonrpc":"2.0","id":2,"method":"m"}\n')) == 1


def test_the_error_of_a_malformed_request_carries_its_id_when_it_can_be_read() -> None:
    server = ServerProtocol("sip")
    server.take_output()
    server.receive_data(b'{"jsonrpc":"2.0","id":9,"method":"m","params":[1]}\n')
    assert answers(server)[0]["id"] == 9


def test_empty_lines_are_passed_over() -> None:
    server = ServerProtocol("sip")
    server.take_output()
    assert server.receive_data(b"\n \r\n") == []
    assert server.take_output() == b""


@pytest.mark.parametrize("data", [b"x" * 101, b"x" * 101 + b"\n"], ids=["without an end", "with an end"])
def test_a_line_over_the_limit_ends_the_conversation(data: bytes) -> None:
    with pytest.raises(ProtocolMismatch, match="longer than 100 bytes"):
        LineFramer(100).receive_data(data)


def test_a_line_of_exactly_the_limit_is_read() -> None:
    assert LineFramer(100).receive_data(b"x" * 100 + b"\n") == [b"x" * 100]


def test_a_client_is_told_that_its_line_was_too_long() -> None:
    server = ServerProtocol("sip", max_line_bytes=10)
    server.take_output()
    with pytest.raises(ProtocolMismatch):
        server.receive_data(b"x" * 11)
    assert "longer than 10 bytes" in answers(server)[0]["error"]["message"]


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400 Bad Request\r\n", b'{"hello": 1}\n', b"[]\n"])
def test_a_stranger_on_the_socket_is_noticed(greeting: bytes) -> None:
    with pytest.raises(ProtocolMismatch):
        ClientProtocol().receive_data(greeting)


def test_another_protocol_version_is_refused_with_what_to_do() -> None:
    with pytest.raises(ProtocolMismatch, match="gosip down"):
        ClientProtocol().receive_data(b'{"gosip": "sip", "protocol": 99}\n')


@pytest.mark.parametrize("text", [b"{}", b"[]", b'{"id":1,"error":7}', b'{"method":7}'])
def test_an_answer_that_cannot_be_read_raises_the_one_documented_error(text: bytes) -> None:
    client, _ = joined()
    with pytest.raises(ProtocolMismatch):
        client.receive_data(text + b"\n")


@given(st.binary(max_size=300))
def test_any_bytes_to_a_server_are_answered_or_end_with_the_documented_error(data: bytes) -> None:
    server = ServerProtocol("sip", max_line_bytes=200)
    try:
        server.receive_data(data)
    except ProtocolMismatch:
        pass
    for text in server.take_output().splitlines():
        json.loads(text)
