"""What the figures of a comparison come to, and that generator and product agree on what a call is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.benchmarks.comparison import docs
from tests.benchmarks.comparison.__main__ import parser
from tests.benchmarks.comparison.bench import Bench, Measurement
from tests.benchmarks.comparison.calling import check_far_side
from tests.benchmarks.comparison.generator import Generators, SipLoad, build
from tests.benchmarks.comparison.plan import Plan, quick
from tests.benchmarks.comparison.product import Product, prepare_folder
from tests.benchmarks.comparison.programs import ProgramError
from tests.benchmarks.comparison.report import table
from tests.benchmarks.comparison.results import Reading, Results, Verdict
from tests.benchmarks.comparison.rows import ROWS
from tests.benchmarks.comparison.runner import MEASUREMENTS, take
from tests.benchmarks.peers.rtpengine import audio_port, bencode

PHONES = 40


def runs(row: str, *pairs: tuple[str, float, float]) -> Results:
    """Each pair: a peer, our figure, its figure; one run each."""
    return Results([[Reading(row, "GoSIP", ours), Reading(row, peer, theirs)] for peer, ours, theirs in pairs])


class TestRatios:
    def test_cpu_time_becomes_operations_per_core(self) -> None:
        result = runs("register-udp", ("Kamailio", 100.0, 40.0)).rows(["register-udp"])[0]
        assert result.ratio == pytest.approx(0.40)
        assert result.verdict is Verdict.AIM

    def test_memory_is_a_cost_so_less_is_better(self) -> None:
        result = runs("memory-call", ("sippy", 14.0, 20.0)).rows(["memory-call"])[0]
        assert result.ratio == pytest.approx(0.7)
        assert result.verdict is Verdict.MUST

    def test_the_median_is_that_of_the_ratios_of_each_run_not_of_the_figures(self) -> None:
        """A slow moment of the machine slows both sides of its run."""
        pairs = [("Kamailio", 100.0, 30.0), ("Kamailio", 400.0, 100.0), ("Kamailio", 120.0, 24.0)]
        result = runs("register-udp", *pairs).rows(["register-udp"])[0]
        assert result.ratio == pytest.approx(0.25)
        assert result.spread is not None
        assert list(result.spread) == pytest.approx([0.2, 0.3])
        assert result.values == {"GoSIP": 120.0, "Kamailio": 30.0}
        assert result.verdict is Verdict.MISSED

    def test_a_row_without_its_peer_has_figures_and_no_verdict(self) -> None:
        result = Results([[Reading("call", "GoSIP", 900.0)]]).rows(["call"])[0]
        assert (result.ratio, result.verdict) == (None, Verdict.NONE)

    @pytest.mark.parametrize(("seconds", "verdict"), [(0.2, Verdict.AIM), (0.4, Verdict.MUST), (0.6, Verdict.MISSED)])
    def test_some_figures_have_a_target_of_their_own(self, seconds: float, verdict: Verdict) -> None:
        result = Results([[Reading("start", "GoSIP", seconds)]]).rows(["start"])[0]
        assert result.verdict is verdict


class TestTheTable:
    def test_what_is_not_built_is_listed_without_a_figure(self) -> None:
        text = table(Results().rows(row.id for row in ROWS))
        line = next(line for line in text.splitlines() if "standing TLS connection" in line)
        assert "not built yet" in line
        assert not re.search(r"\d us", line)

    def test_every_row_has_a_measurement_or_a_reason(self) -> None:
        measured = {row for measurement in MEASUREMENTS for row in measurement.rows}
        assert {row.id for row in ROWS if not row.missing} == measured

    def test_the_page_takes_the_figures_and_keeps_its_words(self, tmp_path: Path) -> None:
        page = tmp_path / "performance.md"
        page.write_text(f"# Before\n{docs.BEGIN}\nold\n{docs.END}\nafter\n")
        results = runs("call", ("sippy", 900.0, 3600.0)).rows(["call", "register-tls"])
        docs.write(results, 3, {"sippy": "2.5.0"}, date(2026, 1, 2), page)
        text = page.read_text()
        assert text.startswith("# Before\n")
        assert text.endswith("after\n")
        assert "old" not in text
        assert "4.00x sippy" in text
        assert "`./gosip bench --rows call`" in text
        assert "bench --rows register-tls" not in text

    def test_a_page_without_its_marks_is_left_alone(self, tmp_path: Path) -> None:
        page = tmp_path / "performance.md"
        page.write_text("# Mine\n")
        with pytest.raises(ValueError, match="no place"):
            docs.write([], 1, {}, date(2026, 1, 2), page)
        assert page.read_text() == "# Mine\n"

    def test_the_real_page_has_them(self) -> None:
        text = docs.PAGE.read_text()
        assert docs.BEGIN in text
        assert docs.END in text


class TestARun:
    def bench(self) -> Bench:
        return Bench(quick(), Generators(Path("sip"), Path("rtp")), Path(), frozenset())

    def test_a_failed_measurement_is_noted_and_keeps_what_it_had(self) -> None:
        def measure(bench: Bench) -> Iterator[Reading]:
            yield Reading("call", "GoSIP", 900.0)
            raise ProgramError("sippy does not answer")

        results = Results([[]])
        both = ("call", "call-rate")
        take(self.bench(), Measurement("calls", both, measure), set(both), results, lambda text: None)
        call, rate = results.rows(["call", "call-rate"])
        assert call.values == {"GoSIP": 900.0}
        assert "sippy does not answer" in call.remark
        assert "sippy does not answer" in rate.remark

    def test_unknown_rows_are_wrong_usage(self) -> None:
        with pytest.raises(SystemExit, match="2"):
            parser().parse_args(["--rows", "speed"])


class TestRtpengineProtocol:
    def test_a_command_is_a_dictionary_with_sorted_names(self) -> None:
        assert bencode({"sdp": "v=0", "command": "offer"}) == b"d7:command5:offer3:sdp3:v=0e"

    def test_the_port_is_that_of_the_audio(self) -> None:
        assert audio_port(b"1 d3:sdp20:v=0\r\nm=audio 10004 RTP/AVP 0\r\n") == 10004
        with pytest.raises(ProgramError, match="refused"):
            audio_port(b"1 d6:reason7:refusede")


@pytest.fixture(scope="module")
def generators(tmp_path_factory: pytest.TempPathFactory) -> Generators:
    return build(tmp_path_factory.mktemp("generators"))


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with Product(prepare_folder(tmp_path_factory.mktemp("phones"), PHONES)) as product:
        yield product


@pytest.mark.end_to_end
class TestTheGenerator:
    """The real programs, briefly: a hundred registrations and twenty calls, counted on both sides."""

    @pytest.mark.parametrize("how", [(), ("--tcp", 4)], ids=["udp", "tcp"])
    def test_every_registration_is_challenged_and_accepted(
        self, generators: Generators, product: Product, how: tuple[object, ...]
    ) -> None:
        options = ("--users", PHONES, "--count", 100, "--window", 8, *how)
        with SipLoad(generators.sip, "register", product.server, *options) as load:
            result = load.go()
        assert (result.completed, result.challenges, result.failed) == (100, 100, 0)
        assert result.statuses == {"200": 100, "401": 100}

    @pytest.mark.parametrize("how", [(), ("--tcp", 4)], ids=["udp", "tcp"])
    def test_every_call_reaches_its_phone_once_and_ends_there(
        self, generators: Generators, product: Product, how: tuple[object, ...]
    ) -> None:
        options = ("--users", PHONES, "--count", 20, "--rate", 40, "--hold", 50, *how)
        with SipLoad(generators.sip, "call", product.server, *options) as load:
            result = load.go()
        assert (result.completed, result.challenges) == (20, 20)
        assert result.post_dial_us["count"] == 20
        check_far_side(product, result)

    def test_held_calls_wait_until_told(self, generators: Generators, product: Product) -> None:
        options = ("--users", PHONES, "--count", 10, "--rate", 50, "--hold-until-told")
        held = []
        with SipLoad(generators.sip, "call", product.server, *options) as load:
            result = load.go_and_hold(lambda: held.append(True))
        assert held == [True]
        assert (result.completed, result.called["BYE"]) == (10, 10)

    def test_a_wrong_password_is_a_failure_with_its_status(self, generators: Generators, product: Product) -> None:
        options = ("--users", PHONES, "--count", 5, "--window", 1, "--password", "wrong-")
        with (
            pytest.raises(ProgramError, match="0 of 5 succeeded"),
            SipLoad(generators.sip, "register", product.server, *options) as load,
        ):
            load.go()


def test_the_full_plan_fits_its_promise() -> None:
    """Documented: three runs in about eighteen minutes. The time that is spent in waiting and loading alone."""
    plan = Plan()
    servers = 2
    registering = 2 * servers * (plan.register_seconds + plan.sustained_seconds)
    calling = 3 * (plan.delay_seconds + plan.call_seconds + plan.sustained_seconds + plan.held_calls / 50)
    relaying = 2 * servers * plan.relay_seconds
    resting = plan.fade_seconds + plan.idle_seconds
    assert plan.runs * (registering + calling + relaying + resting) < 15 * 60
