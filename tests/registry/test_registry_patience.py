"""Waiting: for the user's own limits, for bandwidth, for servers; and never for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from aiohttp import web

from registry.errors import ConfigurationError, Reason, RegistryError
from registry.transport.allowance import Block
from registry.transport.bodies import Bandwidth
from registry.transport.http import Transport
from registry.transport.memory import NoMemory
from registry.transport.quota import Quota
from registry.transport.settings import HttpSettings
from registry.transport.waits import Wait, Waits
from tests.registry.conftest import HeldClock, InstantClock, Responder, Server, answer, transporting


class Notebook(NoMemory):
    """What outlives a transport, in memory; a write takes a moment."""

    def __init__(self, clock: InstantClock) -> None:
        self.clock = clock
        self.blocks: dict[int, Block] = {}
        self.quotas: dict[tuple[str, str], Quota] = {}

    async def requests(self) -> Sequence[Block]:
        return list(self.blocks.values())

    async def record_requests(self, blocks: Sequence[Block], gone: Sequence[int]) -> None:
        await self.clock.sleep(0)
        for number in gone:
            del self.blocks[number]
        self.blocks |= {block.id: block for block in blocks}

    async def quota(self, host: str, username: str) -> Quota | None:
        return self.quotas.get((host, username))

    async def record_quota(self, host: str, username: str, quota: Quota) -> None:
        self.quotas[host, username] = quota


@pytest.fixture
def notebook(clock: InstantClock) -> Notebook:
    return Notebook(clock)


class Arrivals:
    """When requests came, by the clock of the test."""

    def __init__(self, clock: InstantClock) -> None:
        self.clock = clock
        self.times: list[float] = []

    def noting(self, responder: Responder) -> Responder:
        async def note(request: web.BaseRequest) -> web.StreamResponse:
            self.times.append(self.clock.now())
            return await responder(request)

        return note

    def most_within(self, window_s: float) -> int:
        return max(sum(0 <= each - first < window_s for each in self.times) for first in self.times)


@pytest.fixture
def arrivals(clock: InstantClock) -> Arrivals:
    return Arrivals(clock)


async def ask(transport: Transport, url: str, count: int) -> None:
    await asyncio.gather(*(transport.request("GET", url) for _ in range(count)))


@pytest.mark.parametrize("limits", [("10/1m",), ("10/1m", "25/1h"), ("1/1s",), ("120/1m", "7/s")])
async def test_the_users_limits_hold_for_many_at_a_time(
    server: Server, clock: InstantClock, arrivals: Arrivals, notebook: Notebook, limits: tuple[str, ...]
) -> None:
    windows = {"10/1m": (10, 60), "25/1h": (25, 3600), "1/1s": (1, 1), "120/1m": (120, 60), "7/s": (7, 1)}
    server.on("GET /x", arrivals.noting(answer()))
    async with transporting(clock, HttpSettings(max_requests=limits), memory=notebook) as transport:
        await ask(transport, f"{server.url}/x", 40)
        assert f"{server.host}: 0/16" in repr(transport)
    assert len(arrivals.times) == 40
    for text in limits:
        requests, window_s = windows[text]
        assert arrivals.most_within(window_s) <= requests


async def test_a_clock_that_is_set_back_holds_up_no_run_with_limits(server: Server) -> None:
    """It would wait for as long as that was."""

    class WallClock(InstantClock):
        off_s = 0.0

        def now(self) -> float:
            return self.seconds + self.off_s

    clock = WallClock()
    server.on("GET /x", answer())
    async with transporting(clock, HttpSettings(max_requests=("2/10s",))) as transport:
        await ask(transport, f"{server.url}/x", 2)
        clock.off_s = -7200
        began = clock.monotonic()
        await ask(transport, f"{server.url}/x", 1)
        assert clock.monotonic() - began == pytest.approx(10, abs=1)


@pytest.mark.parametrize("memory", [True, False])
async def test_the_users_limits_hold_over_restarts_where_something_is_remembered(
    server: Server, clock: InstantClock, arrivals: Arrivals, notebook: Notebook, *, memory: bool
) -> None:
    """A transport that is dropped says no good-bye, as a process that is killed."""
    server.on("GET /x", arrivals.noting(answer()))
    for _ in range(6):
        settings = HttpSettings(max_requests=("10/1m",))
        async with transporting(clock, settings, memory=notebook if memory else None) as transport:
            await ask(transport, f"{server.url}/x", 7)
    assert (arrivals.most_within(60) <= 10) is memory


async def test_retries_redirects_and_tokens_count(
    server: Server, other: Server, clock: InstantClock, arrivals: Arrivals
) -> None:
    """Every request on the wire, whatever it is, and to whom."""
    challenge = f'Bearer realm="{other.url}/token"'
    server.on(
        "GET /x",
        *(arrivals.noting(each) for each in (answer(401, WWW_Authenticate=challenge), answer(500))),
        arrivals.noting(answer(307, Location=f"{other.url}/y")),
    )
    other.on("GET /token", arrivals.noting(answer(200, '{"token": "t", "expires_in": 99999}')))
    other.on("GET /y", arrivals.noting(answer(200, b"body")))
    async with transporting(clock, HttpSettings(max_requests=("2/1m",), retry_base_s=0.001)) as transport:
        got = await transport.request("GET", f"{server.url}/x", scope="")
    assert got.body == b"body"
    assert len(arrivals.times) == len(server.seen) + len(other.seen) == 5
    assert arrivals.most_within(60) == 2


async def test_whoever_waits_for_the_users_limit_holds_no_slot_and_says_so(server: Server) -> None:
    clock = HeldClock()
    server.on("GET /x", answer())
    settings = HttpSettings(max_requests=("2/1h",), parallel_per_host=4)
    async with transporting(clock, settings) as transport:
        await ask(transport, f"{server.url}/x", 2)
        task = asyncio.create_task(transport.request("GET", f"{server.url}/x"))
        await clock.sleepers(1)
        assert f"{server.host}: 0/4" in repr(transport)
        assert transport.waiting() == Wait(clock.now() + 3600, "your limit")
        assert len(server.seen) == 2
        clock.advance(3600)
        await task
        assert transport.waiting() is None
    assert len(server.seen) == 3


async def test_whoever_comes_too_late_for_the_last_request_gives_the_slot_back(server: Server) -> None:
    """Two stand in the host's queue for it; the second one waits outside."""
    clock, came, may_answer = HeldClock(), asyncio.Event(), asyncio.Event()

    async def hold(_: web.BaseRequest) -> web.StreamResponse:
        came.set()
        await may_answer.wait()
        return web.Response()

    server.on("GET /x", hold)
    settings = HttpSettings(max_requests=("2/1h",), parallel_per_host=1)
    async with transporting(clock, settings) as transport:
        tasks = [asyncio.create_task(transport.request("GET", f"{server.url}/x")) for _ in range(3)]
        await came.wait()
        may_answer.set()
        await clock.sleepers(1)
        assert f"{server.host}: 0/1" in repr(transport)
        assert len(server.seen) == 2
        clock.advance(3600)
        await asyncio.gather(*tasks)
    assert len(server.seen) == 3


async def test_whoever_gives_up_waiting_for_the_users_limit_leaves_nothing_behind(server: Server) -> None:
    clock = HeldClock()
    server.on("GET /x", answer())
    async with transporting(clock, HttpSettings(max_requests=("1/1h",))) as transport:
        await ask(transport, f"{server.url}/x", 1)
        first, *others = (asyncio.create_task(transport.request("GET", f"{server.url}/x")) for _ in range(3))
        await clock.sleepers(1)
        first.cancel()
        await asyncio.wait([first])
        await clock.sleepers(2)  # another one waits in its place; the first one's sleep is never woken
        clock.advance(3600)
        (done,), (waiting,) = await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED)
        assert done.result().status == 200
        waiting.cancel()
        await asyncio.wait([waiting])
        assert f"{server.host}: 0/16" in repr(transport)


async def test_a_limit_that_is_none_is_refused_before_anything_is_sent(clock: InstantClock) -> None:
    with pytest.raises(ConfigurationError, match=r"http\.max_requests"):
        async with transporting(clock, HttpSettings(max_requests=("many",))):
            pass


async def test_bodies_come_no_faster_than_the_bandwidth(server: Server, clock: InstantClock) -> None:
    """All together."""
    server.on("GET /x", answer(200, b"x" * 50_000))
    before = clock.now()
    async with transporting(clock, HttpSettings(max_bytes_per_s=10_000)) as transport:
        await ask(transport, f"{server.url}/x", 4)
        async with transport.stream(f"{server.url}/x") as stream:
            assert sum([len(chunk) async for chunk in stream.chunks()]) == 50_000
    assert clock.now() - before >= 25 - 1e-3


async def test_bandwidth_that_was_not_used_is_not_saved_up() -> None:
    clock = InstantClock()
    bandwidth = Bandwidth(100, clock)
    await bandwidth.take(100)
    await clock.sleep(1000)
    await bandwidth.take(300)
    assert clock.slept == [1, 1000, 3]


async def test_a_request_is_given_up_when_its_time_is_over(server: Server, clock: InstantClock) -> None:
    """Each try takes 40 s, and waits of up to 1, 2, 4 ... s lie between them."""

    async def slow(_: web.BaseRequest) -> web.StreamResponse:
        clock.seconds += 40
        return web.Response(status=500)

    server.on("GET /x", slow)
    async with transporting(clock, HttpSettings(attempts=1000, patience_s=100)) as transport:
        with pytest.raises(RegistryError) as caught:
            await transport.request("GET", f"{server.url}/x")
    assert (caught.value.reason, caught.value.attempts) == (Reason.SERVER_ERROR, 3)


async def test_the_time_of_a_request_does_not_run_while_a_server_asks_it_to_wait(
    server: Server, transport: Transport, clock: InstantClock
) -> None:
    """For a day, four times."""
    server.on("GET /x", *[answer(503, Retry_After="86400")] * 4, answer())
    await transport.request("GET", f"{server.url}/x")
    assert clock.slept == [86_400.0] * 4


async def test_an_answer_without_a_token_is_an_accident_once(
    server: Server, other: Server, transport: Transport
) -> None:
    """Twice in a row it is what the server has."""
    challenge = f'Bearer realm="{other.url}/token"'
    server.on("GET /x", answer(401, WWW_Authenticate=challenge), answer())
    other.on(
        "GET /token", answer(200, '{"tok'), answer(503), answer(200, "<html>"), answer(200, '{"token": "t"}')
    )
    await transport.request("GET", f"{server.url}/x", scope="")
    assert len(other.seen) == 4
    server.on("GET /y", answer(401, WWW_Authenticate=challenge))
    other.on("GET /token", answer(200, "<html>"))
    with pytest.raises(RegistryError) as caught:
        await transport.request("GET", f"{server.url}/y", scope="other")
    assert (caught.value.reason, caught.value.attempts, len(other.seen)) == (Reason.UNEXPECTED_ANSWER, 2, 6)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3600", 3600), ("1800003600", 3600), ("Fri, 15 Jan 2027 09:00:00 GMT", 3600), ("Friday", None)],
)
async def test_every_form_of_retry_after_is_obeyed_to_the_second(
    server: Server, transport: Transport, clock: InstantClock, header: str, seconds: float | None
) -> None:
    server.on("GET /x", answer(429, Retry_After=header), answer())
    await transport.request("GET", f"{server.url}/x")
    (slept,) = clock.slept
    assert slept == seconds if seconds else 0 <= slept <= 1


async def test_a_host_that_asks_for_a_pause_is_named_with_its_end(server: Server) -> None:
    clock = HeldClock()
    server.on("GET /x", answer(429, Retry_After="7200"), answer())
    async with transporting(clock) as transport:
        task = asyncio.create_task(transport.request("GET", f"{server.url}/x"))
        await clock.sleepers(1)
        assert transport.waiting() == Wait(clock.now() + 7200, server.host)
        clock.advance(7200)
        await task


async def test_of_several_waits_the_one_that_ends_last_is_told() -> None:
    clock = HeldClock()
    waits = Waits(clock)
    assert waits.longest() is None
    tasks = [
        asyncio.create_task(waits.sleep(what, seconds)) for what, seconds in (("a", 5), ("b", 9), ("c", 7))
    ]
    await clock.sleepers(3)
    assert waits.longest() == Wait(clock.now() + 9, "b")
    clock.advance(9)
    await asyncio.gather(*tasks)
    assert waits.longest() is None


async def test_an_impatient_twin_asks_once_within_the_same_limits(
    server: Server, clock: InstantClock, arrivals: Arrivals
) -> None:
    server.on("GET /x", arrivals.noting(answer(500)))
    async with transporting(clock, HttpSettings(max_requests=("3/1m",))) as transport:
        with pytest.raises(RegistryError):
            await transport.impatient().request("GET", f"{server.url}/x")
        assert len(server.seen) == 1
        with pytest.raises(RegistryError):
            await transport.request("GET", f"{server.url}/x")
    assert len(server.seen) == 7
    assert arrivals.most_within(60) <= 3


@pytest.mark.parametrize(
    ("refusal", "reason", "wait_s"),
    [
        (answer(429, Retry_After="7200"), Reason.ABUSE_LIMIT, 7200),
        (answer(503, Retry_After="60"), Reason.SERVER_ERROR, 60),
        (answer(429, "toomanyrequests: You have reached your pull rate limit."), Reason.ABUSE_LIMIT, 900),
    ],
)
async def test_an_unwaiting_twin_leaves_it_to_its_caller_to_wait(
    server: Server, other: Server, clock: InstantClock, refusal: Responder, reason: Reason, wait_s: float
) -> None:
    """Also where a redirect leads to a host that asked for a pause; then nothing is sent there."""
    server.on("GET /x", answer(307, Location=f"{other.url}/y"))
    other.on("GET /y", refusal, answer(200, b"body"))
    async with transporting(clock) as transport:
        twin = transport.unwaiting()
        for expected in ((reason, 1), (Reason.ABUSE_LIMIT, 0)):
            with pytest.raises(RegistryError) as caught:
                async with twin.stream(f"{server.url}/x"):
                    pass
            assert (caught.value.temporary, caught.value.retry_after_s) == (True, wait_s)
            assert (caught.value.reason, caught.value.attempts) == expected
            assert len(other.seen) == 1
        assert clock.slept == []
        await twin.outwait(caught.value)
        async with twin.stream(f"{server.url}/x") as stream:
            assert [chunk async for chunk in stream.chunks()] == [b"body"]
    assert clock.slept == [wait_s]


async def test_an_unwaiting_twin_does_not_wait_for_a_token_either(server: Server, other: Server) -> None:
    """Nor for others, who wait for it."""
    clock = HeldClock()

    async def guard(request: web.BaseRequest) -> web.StreamResponse:
        challenge = {"WWW-Authenticate": f'Bearer realm="{other.url}/token"'}
        is_known = request.headers.get("Authorization") == "Bearer T"
        return web.Response(status=200 if is_known else 401, headers=challenge)

    server.on("GET /x", guard)
    other.on("GET /token", answer(429, Retry_After="600"), answer(200, '{"token": "T"}'))
    async with transporting(clock) as transport:
        patient = asyncio.create_task(transport.request("GET", f"{server.url}/x", scope="s"))
        await clock.sleepers(1)
        twin = transport.unwaiting()
        with pytest.raises(RegistryError) as caught:
            async with asyncio.timeout(3), twin.stream(f"{server.url}/x", scope="s"):
                pass
        assert (caught.value.temporary, caught.value.retry_after_s, caught.value.attempts) == (True, 600, 0)
        assert not patient.done()
        clock.advance(600)
        assert (await patient).status == 200
        async with twin.stream(f"{server.url}/x", scope="s") as stream:
            assert stream.status == 200
    assert len(other.seen) == 2


async def test_an_unwaiting_twin_is_told_that_its_token_was_refused_for_a_while(
    server: Server, other: Server, clock: InstantClock
) -> None:
    """So that its caller knows when it was often enough."""
    server.on("GET /x", answer(401, WWW_Authenticate=f'Bearer realm="{other.url}/token"'))
    other.on("GET /token", answer(429, Retry_After="600"))
    async with transporting(clock) as transport:
        with pytest.raises(RegistryError, match="no token") as caught:
            async with transport.unwaiting().stream(f"{server.url}/x", scope="s"):
                pass
    assert (caught.value.retry_after_s, caught.value.attempts, clock.slept) == (600, 1, [])


async def test_an_unwaiting_twin_tries_again_what_fails_without_a_pause(
    server: Server, clock: InstantClock
) -> None:
    server.on("GET /x", *[answer(500)] * 3, answer(429), answer(200, b"body"))
    async with transporting(clock) as transport, transport.unwaiting().stream(f"{server.url}/x") as stream:
        assert [chunk async for chunk in stream.chunks()] == [b"body"]
    assert len(clock.slept) == 4


def quota_headers(remaining: int) -> Responder:
    return answer(200, b"{}", RateLimit_Limit="100;w=21600", RateLimit_Remaining=f"{remaining};w=21600")


async def test_what_is_left_of_a_quota_is_written_down_by_host_and_account(
    server: Server, clock: InstantClock, notebook: Notebook
) -> None:
    server.on("HEAD /m", quota_headers(20))
    server.on("GET /m", quota_headers(19))
    async with transporting(clock, memory=notebook) as transport:
        assert transport.counts_pulls(server.host) is None
        await transport.request("GET", f"{server.url}/m", is_pull=True)
        assert transport.counts_pulls(server.host) is True
        await transport.close()
    assert notebook.quotas == {(server.host, ""): Quota(100, 19, 21_600, clock.now())}


@pytest.mark.parametrize(("age_s", "heads"), [(100, 3), (21_600, 1)])
async def test_a_quota_that_was_written_down_counts_until_its_window_is_over(
    server: Server, clock: InstantClock, notebook: Notebook, age_s: float, heads: int
) -> None:
    """A registry that says nothing now may yet count other pulls: each is asked for by HEAD first."""
    notebook.quotas[server.host, ""] = Quota(100, 5, 21_600, clock.now() - age_s)
    server.on("HEAD /m", answer())
    server.on("GET /m", answer())
    async with transporting(clock, memory=notebook) as transport:
        for _ in range(3):
            await transport.request("GET", f"{server.url}/m", is_pull=True)
    assert (len(server.targets("HEAD")), len(server.targets("GET"))) == (heads, 3)


@pytest.mark.parametrize("status", [404, 405])
async def test_where_head_does_not_work_the_get_goes_alone(
    server: Server, transport: Transport, status: int
) -> None:
    """It tells for all."""
    server.on("HEAD /m", answer(status))
    server.on("GET /m", quota_headers(50))
    await asyncio.gather(
        *(transport.request("GET", f"{server.url}/m", is_pull=True) for _ in range(5)),
    )
    assert [seen.method for seen in server.seen] == ["HEAD", *["GET"] * 5]


async def test_where_the_host_is_down_the_question_fails_for_the_pull(
    server: Server, transport: Transport
) -> None:
    server.on("HEAD /m", answer(500))
    with pytest.raises(RegistryError) as caught:
        await transport.request("GET", f"{server.url}/m", is_pull=True)
    assert (caught.value.attempts, len(server.seen)) == (6, 6)
