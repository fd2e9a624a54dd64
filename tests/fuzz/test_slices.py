"""A small fixed part of every fuzzing target, and all inputs that ever broke one. `./gosip fuzz` runs far more."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.fuzz import corpus
from tests.fuzz.__main__ import chunks
from tests.fuzz.campaign import inputs, judge, run_chunk, shrink
from tests.fuzz.mutations import MAX_BYTES, Mutator
from tests.fuzz.targets import Target
from tests.fuzz.targets.catalogue import TARGETS
from tests.fuzz.world import World, converse

SLICE = 20_000
FOUND = sorted((corpus.DATA / "found").glob("*"))


@pytest.mark.parametrize("name", TARGETS)
def test_the_invariant_holds(name: str) -> None:
    target = TARGETS[name]
    whole = sum(one.share for one in TARGETS.values())
    tally = run_chunk(target, f"ordinary:{name}", round(SLICE * target.share / whole / cost(name)))
    assert [(failure.what, failure.data) for failure in tally.failures] == []


def cost(name: str) -> float:
    """Those that feed byte by byte are worth several of the others."""
    return {"stream": 4.0, "control": 4.0}.get(name, 1.0)


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.name)
def test_what_was_found_once_stays_mended(path: Path) -> None:
    target = TARGETS[path.name.partition("-")[0]]
    assert judge(target.check, path.read_bytes())[0] == ""


@pytest.mark.parametrize("number", range(8))
def test_a_conversation_with_damaged_peers_leaves_nothing_behind(number: int) -> None:
    taken, what, steps = converse(f"ordinary:{number}", 120)
    assert what == "", steps[-1:]
    assert taken > 50


def test_every_seed_message_parses_and_keeps_the_invariant() -> None:
    for target in TARGETS.values():
        for seed in target.seeds():
            assert judge(target.check, seed)[0] == "", seed


class TestTheTool:
    """What finds bugs must not be blind."""

    def test_the_same_seed_gives_the_same_inputs(self) -> None:
        target = Target("sip", corpus.sip, lambda data: None, 1)
        assert list(inputs(target, "a", 50)) == list(inputs(target, "a", 50))
        assert list(inputs(target, "a", 50)) != list(inputs(target, "b", 50))

    def test_mutations_are_bounded_and_mostly_differ(self) -> None:
        mutator = Mutator(Random(1), corpus.sip())
        made = [mutator.make() for _ in range(500)]
        assert max(map(len, made)) <= MAX_BYTES
        assert len(set(made)) > 450

    def test_an_exception_is_a_failure_with_its_place(self) -> None:
        def check(data: bytes) -> None:
            int(data)

        assert judge(check, b"1")[0] == ""
        assert judge(check, b"x")[0].startswith("ValueError: ")

    def test_what_does_not_matter_is_cut_out(self) -> None:
        def check(data: bytes) -> None:
            assert b"!" not in data

        assert shrink(check, b"a long message! with one bad character") == b"!"

    def test_a_bug_that_the_program_catches_is_seen_all_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(_: object) -> None:
            raise KeyError("a bug")

        async def step(world: World) -> None:
            world.endpoint.request_handler = fail
            world.feed("asks", (corpus.DATA / "sip" / "options.sip").read_bytes(), world.flow("192.0.2.9"))
            world.look()

        monkeypatch.setattr(World, "step", step)
        _, what, steps = converse("x", 5)
        assert "a bug" in what
        assert steps

    def test_the_shares_add_up_to_what_was_asked_for(self) -> None:
        work = list(chunks(["sip", "sdp", "endpoint"], 10_000, "s"))
        assert abs(sum(chunk.number for chunk in work) - 10_000) <= 3
        assert len({chunk.seed for chunk in work}) == len(work)
