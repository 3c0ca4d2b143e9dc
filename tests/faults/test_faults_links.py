"""Tokens and signed URLs that run out on the way, and redirects that lead nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from registry.digests import Digest
from tests.faults import injections
from tests.faults.census import VICTIM, campaign
from tests.faults.injections import by_turn, first, kind_of, refused
from tests.faults.origin import CDN, Fault, Habits, Origin
from tests.faults.wire import Act, Asked, Reply

TOKENS = Habits(wants_token=True)
SIGNED = Habits(redirects_from=1, url_lifetime_s=600.0)


@pytest.mark.parametrize("step_s", [7.0, 25.0])
async def test_tokens_that_run_out_again_and_again_lose_nothing(data: Path, step_s: float) -> None:
    """Every request takes so long that a token is good for a few of them."""
    async with campaign(data, habits=Habits(wants_token=True, token_lifetime_s=120.0)) as run:

        def take_time(_asked: Asked) -> None:
            run.clock.seconds += step_s

        run.origin.plan = take_time
        await run.run(parallel_images=2, parallel_layers=2)
        run.assert_whole()


@pytest.mark.parametrize("number", [2, 6, 9, 14, 20])
async def test_tokens_that_are_revoked_are_replaced(data: Path, number: int) -> None:
    """The server takes back what it said of their lifetime, at any moment: one more each, and on."""
    async with campaign(data, habits=TOKENS) as run:
        undisturbed = 2 * len(run.origin.tree.repositories)

        def revoke(_asked: Asked) -> None:
            if len(run.origin.registry.asked) == number:
                run.origin.revoke_tokens()

        run.origin.plan = revoke
        await run.run()
        run.assert_whole()
        assert sum(asked.path == "/token" for asked in run.origin.asked) <= undisturbed


async def test_a_server_that_takes_no_token_is_not_asked_for_ever(data: Path) -> None:
    """It gives tokens, and refuses all of them."""
    async with campaign(data, habits=Habits(wants_token=True, token_lifetime_s=-1.0)) as run:
        summary = await run.run()
        assert set(run.images().values()) == {"auth_required"}
        assert summary.stopped is None
        assert len(run.origin.asked) <= 12 * len(run.origin.tree.repositories)


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_an_expired_url_is_asked_for_again(data: Path, status: int) -> None:
    """Every store has its own word for it; every blob is had by the next URL."""
    async with campaign(
        data, first(refused(status), "cdn"), Habits(redirects_from=1, wants_token=True)
    ) as run:
        await run.run()
        run.assert_whole()


async def test_an_expired_url_is_asked_for_again_after_other_mishaps_too(data: Path) -> None:
    """What was overcome before is no reason to give up: twice in a row would be one."""
    plan = by_turn(f"GET /{Digest.of(VICTIM)}", refused(503), injections.expired)
    async with campaign(data, plan, SIGNED) as run:
        await run.run()
        run.assert_whole()


def time_passes(run_origin: Callable[[], None], fault: Fault) -> Fault:
    """The same fault, and what else happens at that moment."""

    def struck(asked: Asked, honest: Reply) -> Iterable[Act]:
        run_origin()
        return fault(asked, honest)

    return struck


async def test_a_url_that_expires_in_the_middle_of_a_blob_costs_only_the_rest(data: Path) -> None:
    """The body breaks off when the URL has run out: a new one is asked for, and the blob resumed by it."""
    async with campaign(data, habits=SIGNED) as run:

        def pass_time() -> None:
            run.clock.seconds += 10_000.0

        run.origin.plan = by_turn(
            f"GET /{Digest.of(VICTIM)}", time_passes(pass_time, injections.closed_in_body)
        )
        await run.run()
        run.assert_whole()
        ranges = [asked.range for asked in run.origin.cdn.asked if Digest.of(VICTIM) in asked.path]
        assert ranges[0] is None
        assert ranges[-1] == f"bytes={len(VICTIM) // 2}-{len(VICTIM) - 1}"


async def test_a_url_that_expires_while_the_cdn_is_waited_for_is_replaced(data: Path) -> None:
    """The pause that the CDN asks for is longer than any URL lasts that was given before."""
    plan = by_turn(f"GET /{Digest.of(VICTIM)}", refused(429, Retry_After="5000"))
    async with campaign(data, plan, SIGNED) as run:
        await run.run()
        run.assert_whole()
        assert run.origin.injected[CDN] == 1


def redirected(location: Callable[[Asked], str], status: int = 307) -> Fault:
    return lambda asked, _honest: [Reply(status, b"", {"Location": location(asked)}).whole()]


def through_hops(origin: Origin, hops: int, status: int = 307) -> Callable[[Asked], Fault | None]:
    """Blobs are first sent on so often, from one server to the other, by absolute and by relative URLs."""

    def plan(asked: Asked) -> Fault | None:
        if "/blobs/" not in asked.path or asked.method != "GET":
            return None
        hop = int(asked.query.partition("hop=")[2] or "0")
        if asked.server == CDN:
            return redirected(lambda asked: f"{origin.registry.url}{asked.path}?hop={hop}", status)
        if hop >= hops:
            return None
        if hop % 2:
            return redirected(lambda asked: f"{asked.path}?hop={hop + 1}", status)
        return redirected(lambda asked: f"{origin.cdn.url}{asked.path}?hop={hop + 1}", status)

    return plan


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed_from_host_to_host_and_back(data: Path, status: int) -> None:
    """Six hops, absolute and relative."""
    async with campaign(data) as run:
        run.origin.plan = through_hops(run.origin, 4, status)
        await run.run()
        run.assert_whole()
        assert run.origin.injected[CDN] > 0


async def test_two_servers_that_send_us_to_each_other_are_left(data: Path) -> None:
    """The loop goes over both, and never repeats a URL; the manifests were had, and the blobs cannot be."""
    async with campaign(data) as run:
        run.origin.plan = through_hops(run.origin, 1 << 30)
        await run.run()
        assert set(run.images().values()) == {"unexpected_answer"}
        most = 2 * 11 * len(run.origin.tree.blobs)
        assert sum(kind_of(asked) in {"blob", "cdn"} for asked in run.origin.asked) <= most
