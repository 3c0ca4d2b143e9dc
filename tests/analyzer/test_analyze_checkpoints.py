"""Finished profiles are recorded beside the work, as long as not too many wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from analyzer import checkpoints
from analyzer.checkpoints import Checkpoints
from analyzer.jobs import Profiled
from corpus.records import ProfileOutcome
from registry.digests import Digest


class Clock:
    """A clock that stands."""

    time = 0.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


class Catalog:
    """Records slowly: when it may."""

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.recorded: list[str] = []
        self.error: Exception | None = None

    async def record(self, outcomes: Sequence[ProfileOutcome], _now: float) -> None:
        await self.may.wait()
        if self.error is not None:
            raise self.error
        self.recorded += [outcome.digest for outcome in outcomes]


def profiled(*names: str) -> list[Profiled]:
    return [
        Profiled((Path(name),), ProfileOutcome(Digest.of(name.encode()), "complete", None, 0.0))
        for name in names
    ]


def digests(*names: str) -> list[str]:
    return [Digest.of(name.encode()) for name in names]


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Profiles that have got their names; a checkpoint is full with three."""
    names: list[Path] = []
    monkeypatch.setattr(checkpoints, "commit", names.extend)
    monkeypatch.setattr(checkpoints, "_CHECKPOINT_PROFILES", 3)
    return names


async def test_nothing_is_recorded_before_it_is_due(named: list[Path]) -> None:
    """A checkpoint costs the disk some syncs: it waits for company, and closing waits for it."""
    catalog = Catalog()
    catalog.may.set()
    waiting = Checkpoints(catalog.record, Clock())
    await waiting.add(profiled("a", "b"))
    assert not named
    await waiting.close()
    assert catalog.recorded == digests("a", "b")
    assert named == [Path("a"), Path("b")]


async def test_work_goes_on_beside_a_checkpoint_until_the_next_one_is_full(named: list[Path]) -> None:
    """So what waits for the disk is bounded."""
    catalog, clock = Catalog(), Clock()
    waiting = Checkpoints(catalog.record, clock)
    clock.time = 6.0
    await waiting.add(profiled("a"))
    while not named:
        await asyncio.to_thread(lambda: None)
    await waiting.add(profiled("b", "c"))
    full = asyncio.create_task(waiting.add(profiled("d")))
    done, _ = await asyncio.wait([full], timeout=0.05)
    assert not done
    assert named == [Path("a")]
    catalog.may.set()
    await full
    await waiting.close()
    assert catalog.recorded == digests("a", "b", "c", "d")


async def test_a_checkpoint_that_fails_stops_the_work(named: list[Path]) -> None:
    """What is not recorded is pending: no later one hides it."""
    catalog, clock = Catalog(), Clock()
    catalog.error = OSError("No space left on device")
    catalog.may.set()
    waiting = Checkpoints(catalog.record, clock)
    clock.time = 6.0
    await waiting.add(profiled("a"))
    with pytest.raises(OSError, match="No space left"):
        await waiting.close()
    assert named
    assert not catalog.recorded


async def test_a_checkpoint_outlives_whoever_waits_for_it(named: list[Path]) -> None:
    """Ctrl-C, or the end of a neighbour: what is finished is recorded all the same."""
    catalog, clock = Catalog(), Clock()
    waiting = Checkpoints(catalog.record, clock)
    clock.time = 6.0
    await waiting.add(profiled("a"))
    while not named:
        await asyncio.to_thread(lambda: None)
    full = asyncio.create_task(waiting.add(profiled("b", "c", "d")))
    await asyncio.wait([full], timeout=0.01)
    full.cancel()
    catalog.may.set()
    await asyncio.wait([full])
    await waiting.close()
    assert catalog.recorded == digests("a", "b", "c", "d")
