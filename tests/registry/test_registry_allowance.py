"""The user's own limits: no window ever holds more requests, whatever happens in between."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import ConfigurationError
from registry.transport.allowance import Allowance, Block, Limit, merged, parse_limits

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
    """Makes requests as soon as it may; what it wrote down is all that is left when it is killed."""

    def __init__(self, limits: Sequence[Limit], written: list[Block], now: float) -> None:
        self.allowance = Allowance(limits, written, now)
        self.written = written

    def request(self, now: float, delay_s: float) -> float:
        """When a request could be made that was wanted at ``now``; ``delay_s`` is what writing takes."""
        while not self.allowance.take(now):
            free_at = self.allowance.free_at(now)
            if free_at > now:
                now = free_at
                continue
            self.allowance.reserve(now)
            self.written[:] = self.allowance.blocks
            now += delay_s
            self.allowance.use()
        return now


@given(
    LIMITS,
    st.lists(
        st.tuples(
            st.sampled_from([0, 0, 0, 0.01, 1, 9, 30, 700]), st.sampled_from([0, 0, 0, 0.5]), st.booleans()
        ),
        max_size=150,
    ),
)
def test_no_window_ever_holds_more_than_its_limit(
    limits: list[Limit], wishes: list[tuple[float, float, bool]]
) -> None:
    """Whenever requests are wanted, and whenever the process is killed and another one begins."""
    written: list[Block] = []
    now, made = NOW, list[float]()
    process = Process(limits, written, now)
    for pause_s, delay_s, is_killed in wishes:
        now += pause_s
        if is_killed:
            process = Process(limits, written, now)
        now = process.request(now, delay_s)
        made.append(now)
    for limit in limits:
        for first, last in zip(made, made[limit.requests :], strict=False):
            assert last - first >= limit.window_s - 1e-6


def test_without_a_kill_a_window_holds_as_many_as_its_limit() -> None:
    """No more is wasted than the moments that blocks are blurred by."""
    process = Process([Limit(100, 600)], [], NOW)
    made = [process.request(NOW, 0) for _ in range(100)]
    assert set(made) == {NOW}
    assert process.request(NOW, 0) == NOW + 600
    assert process.request(NOW + 601, 0) == NOW + 601


def test_a_kill_wastes_a_block_at_most() -> None:
    """Of five hundred, ten."""
    written: list[Block] = []
    Process([Limit(500, 600)], written, NOW).request(NOW, 0)
    later = Process([Limit(500, 600)], written, NOW + 1)
    made = [later.request(NOW + 1, 0) for _ in range(490)]
    assert set(made) == {NOW + 1}
    assert later.request(NOW + 1, 0) > NOW + 600


def test_a_block_that_was_not_used_in_time_is_given_back() -> None:
    """It may be used for ten seconds, of which the next process knows."""
    allowance = Allowance([Limit(100, 600)], [], NOW)
    allowance.reserve(NOW)
    assert not allowance.take(NOW)  # it is not written down yet
    allowance.use()
    assert allowance.take(NOW + 10)
    assert not allowance.take(NOW + 10.1)
    assert allowance.free_at(NOW + 11) == NOW + 11
    assert allowance.blocks == [Block(NOW, NOW + 10, 1)]


def test_a_clock_that_was_set_back_between_two_runs_opens_nothing() -> None:
    """What was written down lies in the future: it counts as made now."""
    later = [Block(NOW + 5000, NOW + 5010, 10)]
    assert Allowance([Limit(10, 600)], later, NOW).free_at(NOW) == NOW + 600


def test_another_limit_finds_the_requests_that_were_made_before() -> None:
    """Also one whose window is longer than any before."""
    short, long = Limit(10, 60), Limit(25, 86_400)
    written: list[Block] = []
    process, now = Process([short], written, NOW), NOW
    for _ in range(30):
        now = process.request(now, 0)
    assert now == NOW + 120
    assert Process([long], written, now).request(now, 0) > NOW + 86_400


@given(st.lists(st.tuples(st.floats(0, 5000), st.floats(0, 10), st.integers(1, 50)), max_size=300))
def test_merging_keeps_all_requests_and_blurs_them_by_a_hundredth_of_their_age(
    spans: list[tuple[float, float, int]],
) -> None:
    blocks, end = list[Block](), NOW
    for pause_s, length_s, requests in spans:
        blocks.append(Block(end + pause_s, end + pause_s + length_s, requests))
        end = blocks[-1].ends_at
    result = merged(blocks, end)
    assert sum(block.requests for block in result) == sum(block.requests for block in blocks)
    assert all(one.ends_at <= other.starts_at for one, other in itertools.pairwise(result))
    for block in result:
        assert block in blocks or block.ends_at - block.starts_at <= (end - block.ends_at) / 100


def test_a_month_of_requests_is_few_blocks() -> None:
    blocks: list[Block] = []
    for start in range(0, 31 * 86_400, 40):
        blocks.append(Block(NOW + start, NOW + start + 10, 5))
        if len(blocks) > 3000:
            blocks = merged(blocks, NOW + start + 10)
    assert len(merged(blocks, blocks[-1].ends_at)) < 1500
