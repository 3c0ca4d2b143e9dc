"""Many faults at once, by dice that fall the same way in every run."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from registry.errors import Reason
from tests.faults import injections
from tests.faults.census import campaign
from tests.faults.injections import kind_of, refused
from tests.faults.origin import Fault, Habits, Plan
from tests.faults.wire import Asked

# Each can be outlasted several times in a row.
TEMPORARY: list[Fault] = [
    injections.reset_before_answer,
    injections.closed_before_answer,
    injections.reset_in_head,
    injections.reset_in_body,
    injections.closed_in_body,
    injections.large_content_length,
    injections.torn_chunks,
    *(refused(status) for status in (408, 429, 500, 502, 503, 504)),
    refused(429, Retry_After="30"),
    refused(503, Retry_After="soon"),
]

# Each says something that is not so.
FALSE: list[Fault] = [
    injections.not_http,
    injections.nonsense_content_length,
    injections.bad_chunks,
    injections.no_content_length,
    injections.short_body,
    injections.no_body,
    injections.long_body,
    injections.wrong_bytes,
    injections.other_body,
    injections.small_content_length,
    injections.encoded,
    injections.redirect_loop,
    injections.redirect_nowhere,
    injections.expired,
    *(refused(status) for status in (400, 401, 403, 404, 410, 416, 418, 451, 501)),
    refused(404, "NAME_UNKNOWN"),
    refused(404, "BLOB_UNKNOWN"),
    refused(404, "MANIFEST_UNKNOWN"),
]

# None of the faults is about the names, the platforms or this machine.
POSSIBLE = set(Reason) - {
    Reason.INVALID_NAME,
    Reason.NO_PLATFORM,
    Reason.FOREIGN_SKIPPED,
    Reason.UNVERIFIABLE,
    Reason.TOO_LARGE,
    Reason.QUOTA,
    Reason.TLS,
    Reason.INTERNAL,
}

HABITS = [Habits(), Habits(redirects_from=4000, announces_quota=True, wants_token=True)]


def dice(seed: int, faults: list[Fault], chance: float, turns: int) -> Plan:
    """Of the first requests for anything so many are struck, by the dice of its path."""

    def plan(asked: Asked) -> Fault | None:
        luck = random.Random(f"{seed} {asked.server} {asked.method} {asked.path} {asked.turn}")  # noqa: S311 - dice
        if kind_of(asked) == "" or asked.turn >= turns or luck.random() >= chance:
            return None
        return luck.choice(faults)

    return plan


@pytest.mark.parametrize("seed", range(16))
async def test_whatever_passes_is_outlasted(data: Path, seed: int) -> None:
    """Up to two faults of any kind for every single thing at every server: all of it is had."""
    async with campaign(data, dice(seed, TEMPORARY, 0.7, 2), HABITS[seed % 2]) as run:
        summary = await run.run()
        run.assert_whole()
        assert (summary.stopped, summary.retries.images) == (None, 0)
        assert run.origin.injected.total() > 5


@pytest.mark.parametrize("seed", range(16))
async def test_whatever_happens_nothing_false_is_kept(data: Path, seed: int) -> None:
    """Half of all answers are anything; what is missing has a reason, and is had when that is over."""
    async with campaign(data, dice(seed, TEMPORARY + FALSE, 0.5, 1 << 30), HABITS[seed % 2]) as run:
        await run.run()
        reasons = set(run.images().values()) - {"done", "pending"}
        assert reasons
        assert reasons <= set(map(str, POSSIBLE))
        run.origin.plan = lambda _asked: None
        await run.run(retry_failed=True)
        run.assert_whole()


@pytest.mark.parametrize("seed", range(4))
async def test_no_fault_keeps_a_slot(data: Path, seed: int) -> None:
    """With one request per host at a time, a slot that is not given back would be the end of the run."""
    async with (
        asyncio.timeout(60),
        campaign(data, dice(seed, TEMPORARY + FALSE, 0.5, 1 << 30), HABITS[seed % 2]) as run,
    ):
        await run.run(http={"parallel_per_host": 1}, parallel_layers=1)
        assert "pending" not in run.images().values()
