"""When a long run has passed, and that the calls of a soak carry the audio that is measured."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.benchmarks.comparison.bench import Bench
from tests.benchmarks.comparison.endurance import Endurance, Sample, at_most, exactly, last_part, leftovers, slope
from tests.benchmarks.comparison.generator import RtpLoad, SipLoad, build
from tests.benchmarks.comparison.growth import new_nonces, verdict
from tests.benchmarks.comparison.lasting import main
from tests.benchmarks.comparison.plan import quick
from tests.benchmarks.comparison.programs import ProgramError
from tests.benchmarks.comparison.scanner import Scanner
from tests.benchmarks.comparison.soak import FIRST_ADDRESS, steadiness

CALLS = 4


def sample(at: float, memory: float, descriptors: int = 20) -> Sample:
    return Sample(at, {"sip": memory - 1000, "media": 1000}, {"sip": descriptors - 5, "media": 5}, {"sip": at / 10})


def verdicts(samples: list[Sample]) -> dict[str, bool]:
    return {check.name: check.is_met for check in steadiness(samples) if check.bound}


GROWTH, DESCRIPTORS = "memory growth, last two thirds", "new descriptors, last two thirds"


class TestSteadiness:
    def test_a_line_through_points_that_scatter(self) -> None:
        assert slope([(0, 10), (1, 14), (2, 12), (3, 16)]) == pytest.approx(1.6)
        assert slope([(5, 10)]) == 0

    def test_the_first_third_is_not_looked_at(self) -> None:
        assert [one.at for one in last_part([sample(at, 0) for at in (0, 10, 20, 30)])] == [10, 20, 30]
        warming_up = [sample(10 * n, 30_000 + min(n, 60) * 200) for n in range(181)]
        assert verdicts(warming_up) == {GROWTH: True, DESCRIPTORS: True}

    def test_a_leak_of_a_kibibyte_a_second_is_found_in_half_an_hour(self) -> None:
        assert not verdicts([sample(10 * n, 30_000 + 10 * n) for n in range(181)])[GROWTH]

    def test_one_step_of_the_allocator_is_no_leak_in_a_minute(self) -> None:
        assert verdicts([sample(10 * n, 30_000 + (256 if n > 4 else 0)) for n in range(7)])[GROWTH]

    def test_a_short_run_may_fill_what_is_filled_in_the_first_minutes_and_a_long_one_may_not(self) -> None:
        assert verdicts([sample(10 * n, 30_000 + 230 * n) for n in range(7)])[GROWTH]
        assert not verdicts([sample(10 * n, 30_000 + 230 * n) for n in range(91)])[GROWTH]
        assert not verdicts([sample(10 * n, 30_000 + 900 * n) for n in range(7)])[GROWTH]

    def test_descriptors_that_stay_open_are_found(self) -> None:
        assert not verdicts([sample(10 * n, 30_000, 20 + 2 * n) for n in range(7)])[DESCRIPTORS]

    def test_two_samples_say_nothing(self) -> None:
        with pytest.raises(ProgramError, match="too short"):
            steadiness([sample(0, 1), sample(10, 1)])


class TestGrowth:
    def grown(self, kib: float, descriptors: int = 20, operations: int = 110_000) -> bool:
        samples = (sample(0, 50_000), sample(1, 80_000), sample(2, 80_000 + kib, descriptors))
        return all(check.is_met for check in verdict(*samples, operations, 0))

    def test_what_the_first_round_takes_is_told_and_the_second_must_not_add_to_it(self) -> None:
        assert self.grown(2000)
        assert not self.grown(2100)
        assert not self.grown(0, descriptors=21)

    def test_a_short_first_round_leaves_room_for_nonces(self) -> None:
        assert (new_nonces(5500), new_nonces(40_000), new_nonces(110_000)) == (5500, 65_536 - 40_000, 0)
        assert self.grown(2800, operations=5500)
        assert not self.grown(3000, operations=5500)


class TestTheVerdict:
    def test_one_miss_is_enough(self) -> None:
        met = [at_most("delay", 4.9, 5, "ms"), exactly("lost", 0, 0)]
        assert Endurance(met).is_passed
        missed = Endurance([*met, at_most("delay", 5.01, 5, "ms")])
        assert not missed.is_passed
        assert missed.table().splitlines()[-1].split() == ["delay", "5.01", "ms", "<=", "5", "ms", "MISSED"]

    def test_programs_get_every_sample(self) -> None:
        told = json.loads(json.dumps(Endurance([exactly("lost", 1, 0)], [sample(0, 5000)], {"calls": 4}).as_json()))
        assert (told["passed"], told["calls"], told["checks"][0]["is_met"]) == (False, 4, False)
        assert told["samples"][0]["memory_kib"] == {"sip": 4000, "media": 1000}

    @pytest.mark.parametrize("arguments", [["--minutes", "0"], ["--minutes", "x"], ["--rows", "call"]])
    def test_a_wrong_duration_is_wrong_usage(self, arguments: list[str]) -> None:
        with pytest.raises(SystemExit, match="2"):
            main("soak", arguments, print)


@pytest.mark.end_to_end
def test_held_calls_carry_the_audio_of_the_other_generator_while_a_scanner_learns_nothing(tmp_path: Path) -> None:
    """What a soak is made of, for a second."""
    bench = Bench(quick(), build(tmp_path), tmp_path, frozenset())
    ports = tmp_path / "ports"
    with (
        bench.product(2 * CALLS, settings={"GOSIP_NEVER_BAN": "none"}) as server,
        RtpLoad(bench.generators.rtp, CALLS, 1, FIRST_ADDRESS) as audio,
    ):
        ports.write_text("".join(f"{one} {other}\n" for one, other in audio.ports))
        options = ("--users", 2 * CALLS, "--count", CALLS, "--rate", 50, "--hold-until-told", "--audio", ports)
        with SipLoad(bench.generators.sip, "call", server.server, *options) as load:
            audio.begin(load.hold_with_audio(CALLS))
            assert server.status()["counts"]["dialogs"] == 2 * CALLS
            with Scanner(server.server, range(100_000, 100_000 + 2 * CALLS), 100) as scanner:
                heard = audio.result()
            assert load.go().completed == CALLS
        assert (heard.sent, heard.received) == (2 * CALLS * 50, 2 * CALLS * 50)
        assert scanner.broken_in == 0
        assert scanner.answers[401] > 0
        assert set(scanner.answers) <= {200, 401, 403, 503}, Counter(scanner.answers)
        assert {check.name: check.value for check in leftovers(server)}["calls left over"] == 0
