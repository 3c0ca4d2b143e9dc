"""The user's own limits: no window ever holds more requests, whatever happens in between."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import ConfigurationError
from registry.transport.allowance import Allowance, Block, Limit, Reserved, merged, parse_limits

NOW = 1_800_000_000.0
LIMITS = st.lists(
    st.builds(Limit, st.integers(1, 120), st.sampled_from([1, 7, 60, 600])), min_size=1, max_size=2
)


@pytest.mark.parametrize(
    ("texts", "limits"),
    [
        ((), ()),
        (("500/10m", "10000/1d"), (Limit(500, 600), Limit(10_000, 86_400))),
        ((" 1/s ",), (Limit(1, 1),)),
        (("7/2h",), (Limit(7, 7200),)),
        (("9/31d",), (Limit(9, 31 * 86_400),)),
    ],
)
def test_a_limit_is_a_number_of_requests_in_a_time(texts: Sequence[str], limits: Sequence[Limit]) -> None:
    assert parse_limits(texts) == limits


@pytest.mark.parametrize(
    "text",
    ["", "500", "500/", "500/10", "0/10m", "5/0s", "-5/1m", "5/1w", "5/32d", "٣/1m", "1e3/1m", "5/1m/2"],
)
def test_what_is_no_limit_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(ConfigurationError, match="write requests/time, as in 500/10m") as caught:
        parse_limits([text])
    assert "\n" not in str(caught.value)


def test_there_are_two_limits_at_most() -> None:
    with pytest.raises(ConfigurationError, match="2 limits at most, not 3"):
        parse_limits(["1/s", "2/m", "3/h"])


class Process:
    """Sends requests as soon as it may; what it wrote down is all that is left when it is killed."""

    def __init__(self, limits: Sequence[Limit], written: list[Block], now: float) -> None:
        self.allowance = Allowance(limits, written, now)
        self.written = written

    def send(self, now: float, delay_s: float = 0.0) -> tuple[float, Reserved]:
        """When a request could be sent that was wanted at ``now``; ``delay_s`` is what writing takes."""
        while (block := self.allowance.take(now)) is None:
            free_at = self.allowance.reserve(now)
            if free_at > now:
                now = free_at
                continue
            self.written[:] = self.allowance.blocks
            now += delay_s
            self.allowance.use()
        return now, block

    def ask(self, now: float) -> float:
        """When a request could be sent, which is answered at once."""
        sent_at, block = self.send(now)
        self.allowance.answered(block, sent_at)
        return sent_at


def step_of(pause_s: float, delay_s: float, event: str) -> tuple[float, float, str]:
    return pause_s, delay_s, event


STEPS = st.builds(
    step_of,
    st.sampled_from([0, 0, 0, 0.01, 1, 9, 30, 700]),
    st.sampled_from([0, 0, 0, 0.5]),
    st.sampled_from(["send", "send", "send", "answer", "answer", "kill"]),
)


@given(LIMITS, st.lists(STEPS, max_size=150), st.booleans())
def test_no_window_ever_holds_more_than_its_limit(
    limits: list[Limit],
    steps: list[tuple[float, float, str]],
    is_late: bool,  # noqa: FBT001
) -> None:
    """Whenever requests are wanted, arrive and are answered, and whenever the process is killed."""
    written: list[Block] = []
    now, arrived = NOW, list[float]()
    process, under_way = Process(limits, written, now), list[tuple[float, Reserved]]()
    for pause_s, delay_s, event in [*steps, (0, 0, "kill")]:
        now += pause_s
        if event == "send":
            least = min(limit.requests for limit in limits)
            if len(under_way) * max(1, least // 50) >= least:
                continue  # all that may be are on their way
            now, block = process.send(now, delay_s)
            under_way.append((now, block))
        elif event == "answer" and under_way:
            sent_at, block = under_way.pop(0)
            process.allowance.answered(block, now)
            arrived.append(now if is_late else sent_at)
        elif event == "kill":
            arrived += [min(now, sent_at + 80) if is_late else sent_at for sent_at, _ in under_way]
            process, under_way = Process(limits, written, now), []
    arrived.sort()
    for limit in limits:
        for first, last in zip(arrived, arrived[limit.requests :], strict=False):
            assert last - first >= limit.window_s - 1e-6


def test_without_a_kill_a_window_holds_as_many_as_its_limit() -> None:
    """No more is wasted than the moments that blocks are blurred by."""
    process = Process([Limit(100, 600)], [], NOW)
    assert {process.ask(NOW) for _ in range(100)} == {NOW}
    assert process.ask(NOW) == NOW + 600
    assert process.ask(NOW + 601) == NOW + 601


def test_a_request_counts_as_made_now_until_it_is_answered() -> None:
    """It may reach its server late."""
    process = Process([Limit(1, 60)], [], NOW)
    sent_at, block = process.send(NOW)
    assert process.allowance.reserve(NOW + 500) == NOW + 560
    process.allowance.answered(block, NOW + 510)
    assert (sent_at, process.ask(NOW + 511)) == (NOW, NOW + 570)


def test_a_request_long_ago_counts_from_when_it_was_answered() -> None:
    process = Process([Limit(1, 60)], [], NOW)
    assert [process.ask(NOW), process.ask(NOW + 59), process.ask(NOW + 1000)] == [NOW, NOW + 60, NOW + 1000]


def test_a_block_is_no_larger_than_what_is_left_in_the_window() -> None:
    """Requests count until the last of their block has left it."""
    earlier = [Block(1, NOW, NOW + 300, 400), Block(2, NOW + 300, NOW + 301, 95)]
    process = Process([Limit(500, 600)], earlier, NOW + 700)
    assert [process.ask(NOW + 700) for _ in range(6)] == [NOW + 700] * 5 + [NOW + 900]


def test_a_kill_wastes_a_block_at_most() -> None:
    """Of five hundred, ten."""
    written: list[Block] = []
    Process([Limit(500, 600)], written, NOW).ask(NOW)
    later = Process([Limit(500, 600)], written, NOW + 1)
    assert {later.ask(NOW + 1) for _ in range(490)} == {NOW + 1}
    assert later.ask(NOW + 1) > NOW + 600


def test_a_block_that_was_not_used_in_time_is_given_back() -> None:
    """It may be used for ten seconds, and the next process knows of that."""
    allowance = Allowance([Limit(100, 600)], [], NOW)
    assert allowance.reserve(NOW) == NOW
    assert allowance.take(NOW) is None  # it is not written down yet
    allowance.use()
    block = allowance.take(NOW + 10)
    assert block is not None
    allowance.answered(block, NOW + 10)
    assert allowance.take(NOW + 10.1) is None
    allowance.close()
    assert [(each.ends_at, each.requests) for each in allowance.blocks] == [(NOW + 10, 1)]


def test_a_clock_that_was_set_back_between_two_runs_opens_nothing() -> None:
    """What was written down lies in the future: it counts as made now."""
    later = [Block(1, NOW + 5000, NOW + 5010, 10)]
    assert Allowance([Limit(10, 600)], later, NOW).reserve(NOW) == NOW + 600


def test_another_limit_finds_the_requests_that_were_made_before() -> None:
    """Also one whose window is longer than any before."""
    written: list[Block] = []
    process, now = Process([Limit(10, 60)], written, NOW), NOW
    for _ in range(30):
        now = process.ask(now)
    assert now == NOW + 120
    assert Process([Limit(25, 86_400)], written, now).ask(now) > NOW + 86_400


@given(st.lists(st.tuples(st.floats(0, 5000), st.floats(0, 10), st.integers(1, 50)), max_size=300))
def test_merging_keeps_all_requests_and_blurs_them_by_a_hundredth_of_their_age(
    spans: list[tuple[float, float, int]],
) -> None:
    blocks, end = list[Block](), NOW
    for pause_s, length_s, requests in spans:
        blocks.append(Block(len(blocks), end + pause_s, end + pause_s + length_s, requests))
        end = blocks[-1].ends_at
    result = merged(blocks, end)
    assert sum(block.requests for block in result) == sum(block.requests for block in blocks)
    assert all(one.ends_at <= other.starts_at for one, other in itertools.pairwise(result))
    for block in result:
        assert block in blocks or block.ends_at - block.starts_at <= (end - block.ends_at) / 100


def test_a_month_of_requests_is_few_blocks() -> None:
    blocks: list[Block] = []
    for start in range(0, 31 * 86_400, 40):
        blocks.append(Block(start, NOW + start, NOW + start + 10, 5))
        if len(blocks) > 3000:
            blocks = merged(blocks, NOW + start + 10)
    assert len(merged(blocks, blocks[-1].ends_at)) < 1500
