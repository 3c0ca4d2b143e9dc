"""The ledger of the pull quota, against a server that counts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.transport.quota import Pull, PullLedger, Quota, parse_quota

NOW = 1_800_000_000.0
TOLD = Quota(100, 20, 21_600, NOW)
NEVER = float("-inf")


@dataclass
class OnItsWay:
    """A request that the server may not have seen yet, and its answer, which we may not have seen yet."""

    pull: Pull
    told: int | None = None


@given(st.integers(0, 12), st.lists(st.tuples(st.sampled_from("ghsa"), st.integers(0, 30)), max_size=120))
def test_never_are_more_sent_than_are_left(left: int, steps: list[tuple[str, int]]) -> None:
    """In whatever order requests arrive and answers come back: (g)et, (h)ead, (s)erve one, (a)nswer one."""
    ledger, sent, served = PullLedger(900), 0, 0
    ledger.is_counted = True
    under_way: list[OnItsWay] = []
    for step, number in steps:
        waiting = [each for each in under_way if each.told is None]
        answered = [each for each in under_way if each.told is not None]
        if step == "g" and ledger.may_get:
            under_way.append(OnItsWay(ledger.begin(is_get=True)))
            sent += 1
        elif step == "h":
            under_way.append(OnItsWay(ledger.begin(is_get=False)))
        elif step == "s" and waiting:
            each = waiting[number % len(waiting)]
            served += each.pull.is_get
            each.told = left - served
        elif step == "a" and answered:
            each = answered[number % len(answered)]
            assert each.told is not None
            ledger.hear(each.pull, replace(TOLD, remaining=each.told), 0.0)
            ledger.end(each.pull)
            under_way.remove(each)
        assert sent <= left
        assert ledger.left <= left - sent or ledger.left <= 0
    assert ledger.in_flight == sum(each.pull.is_get for each in under_way)


def test_a_head_with_nothing_under_way_tells_exactly() -> None:
    ledger = PullLedger(900)
    assert (ledger.may_get, ledger.is_counted) == (False, None)
    ledger.hear(ledger.begin(is_get=False), TOLD, 0.0)
    assert (ledger.left, ledger.may_get, ledger.is_counted) == (20, True, True)


def test_what_others_use_of_the_quota_is_heard_of() -> None:
    """Somebody behind the same address."""
    ledger = PullLedger(900)
    ledger.hear(ledger.begin(is_get=False), TOLD, 0.0)
    pulls = [ledger.begin(is_get=True) for _ in range(3)]
    ledger.hear(pulls[0], replace(TOLD, remaining=10), 0.0)
    assert ledger.left == 10
    ledger.hear(pulls[1], replace(TOLD, remaining=0), 0.0)
    assert ledger.left == 0


def test_a_get_that_failed_is_taken_to_be_spent_until_the_server_is_heard() -> None:
    ledger = PullLedger(900)
    ledger.hear(ledger.begin(is_get=False), replace(TOLD, remaining=1), 0.0)
    ledger.end(ledger.begin(is_get=True))
    assert (ledger.may_get, ledger.in_flight) == (False, 0)
    ledger.hear(ledger.begin(is_get=False), replace(TOLD, remaining=1), 0.0)
    assert ledger.may_get


def test_a_registry_that_says_nothing_counts_nothing_until_it_says_so() -> None:
    ledger = PullLedger(900)
    ledger.hear(ledger.begin(is_get=False), None, 0.0)
    assert (ledger.is_counted, ledger.may_get, ledger.quota) == (False, True, None)
    pulls = [ledger.begin(is_get=True) for _ in range(5)]
    ledger.hear(pulls[0], replace(TOLD, remaining=7), 0.0)
    assert (ledger.is_counted, ledger.left) == (True, 3)
    ledger.hear(pulls[1], None, 0.0)
    assert ledger.is_counted


def test_what_is_known_from_an_earlier_run_is_no_leave_to_pull() -> None:
    """It may have been killed in the middle of many."""
    ledger = PullLedger(900, TOLD)
    assert (ledger.is_counted, ledger.may_get, ledger.quota) == (True, False, replace(TOLD, remaining=0))


@pytest.mark.parametrize(("window_s", "wait_s"), [(21_600, 900), (60, 60), (1, 60), (None, 900)])
def test_once_nothing_is_left_the_question_is_put_again_after_the_pause_or_the_window(
    window_s: int | None, wait_s: float
) -> None:
    ledger = PullLedger(900)
    nothing = Quota(100, 0, window_s, NOW)
    ledger.hear(ledger.begin(is_get=False), nothing, 10.0)
    ledger.hear(ledger.begin(is_get=False), nothing, 20.0)  # of many that hear the same, the first counts
    assert ledger.ask_at == 10 + wait_s
    ledger.hear(ledger.begin(is_get=False), nothing, 10 + wait_s)
    assert ledger.ask_at == 10 + 2 * wait_s
    ledger.hear(ledger.begin(is_get=False), TOLD, 5000.0)
    assert ledger.ask_at == NEVER


def test_a_server_that_says_how_long_to_wait_is_believed() -> None:
    ledger = PullLedger(900)
    ledger.refuse(None, 10.0)
    ledger.refuse(86_400, 11.0)
    ledger.refuse(None, 12.0)
    ledger.refuse(5, 13.0)
    assert ledger.ask_at == 86_411


def test_a_quota_is_over_with_its_window() -> None:
    assert not TOLD.is_over(NOW + 21_599)
    assert TOLD.is_over(NOW + 21_600)


def test_a_quota_that_was_told_without_its_window_is_over_after_a_day() -> None:
    untold = replace(TOLD, window_s=None)
    assert not untold.is_over(NOW + 86_399)
    assert untold.is_over(NOW + 86_400)


@pytest.mark.parametrize(
    ("limit", "remaining", "reset", "window_s"),
    [
        ("100;w=21600", "0;w=21600", None, 21_600),
        ("100;w=21600", "0", None, 21_600),
        ("100", "0", None, None),
        ("100;w=0", "0;w=0", None, None),
        ("60", "0", "20", 20),
        ("60", "0", f"{NOW + 20.5:.1f}", 21),
        ("60", "0", "soon", None),
        ("60", "0", "9" * 12, None),
        ("60;w=3600", "0", "20", 3600),
    ],
)
def test_the_window_of_a_quota_is_what_the_server_says_it_is_or_how_long_it_still_lasts(
    limit: str, remaining: str, reset: str | None, window_s: int | None
) -> None:
    """One of no time is none: nobody would ever have to wait."""
    headers = {"ratelimit-limit": limit, "ratelimit-remaining": remaining}
    headers |= {} if reset is None else {"ratelimit-reset": reset}
    quota = parse_quota(headers, NOW)
    assert quota is not None
    assert (quota.remaining, quota.window_s) == (0, window_s)


def test_a_registry_that_stops_telling_is_taken_to_count_until_its_window_is_over() -> None:
    """Before, it may be that only what was asked for is free."""
    ledger = PullLedger(900)
    ledger.hear(ledger.begin(is_get=False), TOLD, 100.0)
    ledger.hear(ledger.begin(is_get=False), None, 100.0 + 21_599)
    assert ledger.is_counted
    ledger.hear(ledger.begin(is_get=False), None, 100.0 + 21_600)
    assert (ledger.is_counted, ledger.may_get) == (False, True)
