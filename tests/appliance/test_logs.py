"""Logs: one line for each record, with its values, and without secrets."""

from __future__ import annotations

import io
import logging
import re
import threading
from collections.abc import Callable, Iterator

import pytest

from appliance.logs import redact, set_level, set_up_logs
from appliance.secret import Secret
from tests.support.waiting import wait_for


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    set_up_logs("sip", "info", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


log = logging.getLogger("sip_daemon.registrar")


def test_a_record_is_one_line_with_time_level_program_and_text(stream: io.StringIO) -> None:
    log.info("%s registered", "201")
    moment, rest = stream.getvalue().split(" ", 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", moment)
    assert rest == "INFO sip.registrar 201 registered\n"


def test_extra_values_stand_behind_the_text(stream: io.StringIO) -> None:
    log.info("registered", extra={"contact": "sip:201@192.0.2.7", "expires": 300, "agent": 'A "phone"'})
    assert stream.getvalue().endswith('registered contact=sip:201@192.0.2.7 expires=300 agent="A \\"phone\\""\n')


def test_the_level_is_that_of_the_settings(stream: io.StringIO) -> None:
    log.debug("unseen")
    set_level("debug")
    log.debug("seen")
    assert "unseen" not in stream.getvalue()
    assert "seen" in stream.getvalue()


@pytest.mark.parametrize("extra", [{"value": Secret("hidden")}, {"password": "hidden"}, {"api_token": "hidden"}])
def test_a_secret_among_the_values_is_replaced(stream: io.StringIO, extra: dict[str, object]) -> None:
    log.info("changed", extra=extra)
    assert "hidden" not in stream.getvalue()
    assert "***" in stream.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "password=hidden",
        "sip_password: hidden",
        'token="hidden with spaces"',
        "{'secret': 'hidden'}",
        '{"password": "hidden"}',
        "CLOUDFLARE_DNS_API_TOKEN=hidden",
        "setup_code=hidden",
    ],
)
def test_what_follows_a_word_that_means_secret_is_replaced(text: str) -> None:
    assert "hidden" not in redact(text)


def test_a_digest_response_is_replaced() -> None:
    assert "cafe" not in redact('Digest username="201", response="cafe0123", uri="sip:a"')


def test_a_crypto_key_is_replaced() -> None:
    line = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
    assert redact(line) == "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:***"


def test_ordinary_texts_stay_as_they_are() -> None:
    text = "201 registered, passing by the keyboard; tokens are not secret"
    assert redact(text) == text


def test_nobody_can_write_a_line_of_their_own(stream: io.StringIO) -> None:
    log.info("agent %s", "x\r\n2026-01-01T00:00:00.000Z ERROR sip forged", extra={"name_": "a\u2028b\x00"})
    assert len(stream.getvalue().splitlines()) == 1


def test_a_traceback_is_indented(stream: io.StringIO) -> None:
    try:
        raise RuntimeError("password=hidden")
    except RuntimeError:
        log.exception("it failed")
    lines = stream.getvalue().splitlines()
    assert lines[0].endswith("it failed")
    assert all(line.startswith("  ") for line in lines[1:])
    assert "hidden" not in stream.getvalue()


class StuckStream(io.StringIO):
    """Standard output whose reader has stopped, until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()

    def write(self, text: str) -> int:
        self.released.wait(30)
        return super().write(text)


def test_a_log_that_nobody_reads_holds_up_no_program(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    stops: list[Callable[[], None]] = []
    monkeypatch.setattr("appliance.logs.MAX_WAITING", 10)
    monkeypatch.setattr("appliance.logs.atexit.register", stops.append)
    stuck = StuckStream()
    set_up_logs("sip", "info", stuck, in_background=True)
    for number in range(100):
        logging.getLogger("sip_daemon.call").info("call %d", number)
    stuck.released.set()
    wait_for(lambda: "call 9" in stuck.getvalue(), "the first records")
    logging.getLogger("sip_daemon.call").info("and on")
    (stop,) = stops
    stop()
    assert "records were left out" in stuck.getvalue()
    assert stuck.getvalue().rstrip().endswith("and on")
