"""Servers that cannot be trusted with a range: every blob is had all the same, whole and right."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from registry.digests import Digest
from tests.faults import injections
from tests.faults.cases import Outcome, outcome_of
from tests.faults.census import UNHURRIED, VICTIM, campaign
from tests.faults.injections import always, kind_of, refused
from tests.faults.origin import Fault, Habits, Plan, Tree
from tests.faults.wire import Act, Asked, Reply

# Bytes of a blob that is worth several ranges of the least size (8 MiB), the last of which is short.
BIG_BYTES = (25 << 20) + 12_345

# Every blob of a MiB is fetched in parts.
IN_PARTS: dict[str, Any] = {"ranges_from_bytes": 1 << 20, "parallel_ranges": 4}


@lru_cache(maxsize=1)
def big_tree() -> Tree:
    """An image with a blob that is worth ranges, and a small one."""
    tree = Tree()
    tree.push("a/base", b"small")
    tree.push("a/victim", b"small", random.Random(4).randbytes(BIG_BYTES))  # noqa: S311 - any bytes
    return tree


def big_blob(tree: Tree) -> str:
    return max(tree.blobs, key=lambda digest: len(tree.blobs[digest]))


def labelled(label: str) -> Fault:
    """The right part, under another ``Content-Range``; none for ``""``."""

    def fault(_asked: Asked, honest: Reply) -> Iterable[Act]:
        headers = {name: value for name, value in honest.headers.items() if name != "Content-Range"}
        if label:
            headers["Content-Range"] = label.format(total=honest.headers["Content-Range"].rpartition("/")[2])
        return [replace(honest, headers=headers).whole()]

    return fault


def elsewhere(_asked: Asked, honest: Reply) -> Iterable[Act]:
    """Bytes of another place under the right ``Content-Range``."""
    return [replace(honest, body=honest.body[1:] + honest.body[:1]).whole()]


def too_few(_asked: Asked, honest: Reply) -> Iterable[Act]:
    """Less than ``Content-Range`` says, and announced as that."""
    return [replace(honest, body=honest.body[:-10]).whole()]


def too_many(_asked: Asked, honest: Reply) -> Iterable[Act]:
    return [replace(honest, body=honest.body + b"x" * 10).whole()]


def another_part(_asked: Asked, honest: Reply) -> Iterable[Act]:
    """A part that was not asked for, honestly labelled: one byte later."""
    begin, _, rest = honest.headers["Content-Range"].removeprefix("bytes ").partition("-")
    moved = replace(honest, body=honest.body[1:])
    return [moved.with_headers(Content_Range=f"bytes {int(begin) + 1}-{rest}").whole()]


def in_many_parts(_asked: Asked, honest: Reply) -> Iterable[Act]:
    """As for several ranges (RFC 9110, section 14.6)."""
    part = f"--cut\r\nContent-Range: {honest.headers['Content-Range']}\r\n\r\n".encode()
    body = part + honest.body + b"\r\n--cut--\r\n"
    kind = {"Content-Type": "multipart/byteranges; boundary=cut"}
    return [Reply(206, body, kind).whole()]


def ignored(_asked: Asked, honest: Reply) -> Iterable[Act]:
    """All of it, whatever was asked for."""
    return [Reply(200, honest.source).whole()]


def all_as_part(_asked: Asked, honest: Reply) -> Iterable[Act]:
    """All of it, called a part."""
    size = len(honest.source)
    return [Reply(206, honest.source, {"Content-Range": f"bytes 0-{size - 1}/{size}"}).whole()]


# What a server makes of a request for a part; ``honest`` is the right part.
LIES: dict[str, Fault] = {
    "another start": labelled("bytes 0-5/{total}"),
    "another total": labelled("bytes 5-9/7777777777"),
    "no label": labelled(""),
    "a label that is none": labelled("lines 1-2"),
    "a label beyond numbers": labelled("bytes " + "9" * 30 + "-" + "9" * 31 + "/*"),
    "a bit flipped": injections.wrong_bytes,
    "bytes from elsewhere": elsewhere,
    "too few": too_few,
    "too many": too_many,
    "another part": another_part,
    "many parts": in_many_parts,
    "nothing": injections.no_body,
    "416": refused(416),
    "416 of a smaller one": refused(416, Content_Range="bytes */10"),
    "400": refused(400),
    "ignored": ignored,
    "all as a part": all_as_part,
}


def lying(lie: Fault, *, breaks_first: bool, times: int = 1 << 30) -> Plan:
    """So many parts come as ``lie`` has it; the first request for all breaks off, if it ``breaks_first``."""
    told = Counter[str]()

    def plan(asked: Asked) -> Fault | None:
        if kind_of(asked) not in {"blob", "cdn"}:
            return None
        if asked.range is not None:
            told[asked.path] += 1
            return lie if told[asked.path] <= times else None
        return injections.closed_in_body if breaks_first and asked.turn == 0 else None

    return plan


@pytest.fixture(scope="module")
def outcomes() -> dict[bool, Outcome | None]:
    """What became of all lies, in one run, by whether they are told always."""
    return {}


@pytest.fixture
def outcome(is_always: bool, outcomes: dict[bool, Outcome | None], tmp_path: Path) -> Outcome:  # noqa: FBT001 - a parameter
    """That of lies that are told always, or once."""
    if is_always not in outcomes:
        outcomes[is_always] = None
        plans = {
            name: lying(lie, breaks_first=True, times=1 << 30 if is_always else 1)
            for name, lie in LIES.items()
        }
        outcomes[is_always] = asyncio.run(outcome_of(tmp_path / "data", plans, Habits()))
    found = outcomes[is_always]
    assert found is not None, "the run did not come to its end"
    return found


@pytest.mark.parametrize("is_always", [True, False], ids=["always", "once"])
@pytest.mark.parametrize("lie", LIES)
def test_a_blob_that_cannot_be_resumed_is_begun_again(outcome: Outcome, lie: str) -> None:
    """It breaks off, and the part asked for after that is a lie: had, whole and right."""
    assert outcome.injected[lie] > 1
    assert outcome.states[lie] == "done"


@pytest.mark.parametrize("is_always", [True, False], ids=["always", "once"])
def test_lies_about_parts_leave_nothing(outcome: Outcome) -> None:
    """Nothing false, nothing partial, and nothing to be done."""
    assert outcome.falsehoods == []
    assert outcome.leftovers == set()
    assert outcome.healed | set(outcome.bystanders.values()) == {"done"}


async def test_a_part_that_was_not_asked_for_is_no_blob(data: Path) -> None:
    """206 to a request for all of it: its second half never comes, and the image is not called whole."""

    def half(_asked: Asked, honest: Reply) -> Iterable[Act]:
        middle, total = len(honest.body) // 2, len(honest.body)
        label = {"Content-Range": f"bytes {middle}-{total - 1}/{total}"}
        return [Reply(206, honest.body[middle:], label).whole()]

    async with campaign(data, always(half, Digest.of(VICTIM))) as run:
        await run.run()
        states = run.images()
        assert states.pop("a/victim") in {"size_mismatch", "unexpected_answer"}
        assert set(states.values()) == {"done"}


@pytest.mark.slow
@pytest.mark.parametrize("habits", [Habits(), Habits(redirects_from=1 << 20)], ids=["registry", "cdn"])
async def test_a_big_blob_is_fetched_in_parts(data: Path, habits: Habits) -> None:
    """Closed ranges that overlap nowhere and miss nothing."""
    tree = big_tree()
    async with campaign(data, habits=habits, tree=tree) as run:
        await run.run(**IN_PARTS)
        run.assert_whole()
        ranges = [asked.range for asked in run.origin.asked if big_blob(tree) in asked.path]
        pairs = sorted(
            tuple(map(int, asked.removeprefix("bytes=").split("-"))) for asked in set(ranges) if asked
        )
        assert len(pairs) > 1
        assert pairs[-1][1] == BIG_BYTES - 1
        assert all(before[1] + 1 == after[0] for before, after in pairwise(pairs))


@pytest.mark.slow
@pytest.mark.parametrize("lie", LIES)
async def test_a_big_blob_is_had_in_one_piece_where_parts_are_lies(data: Path, lie: str) -> None:
    """Of whatever kind, and always: it is fetched as a whole, and right."""
    tree = big_tree()
    async with campaign(data, tree=tree) as run:
        run.origin.plan = lying(LIES[lie], breaks_first=False)
        await run.run(**IN_PARTS)
        run.assert_whole()


PASSING: dict[str, Fault] = {
    "reset before the answer": injections.reset_before_answer,
    "closed before the answer": injections.closed_before_answer,
    "reset in the body": injections.reset_in_body,
    "closed in the body": injections.closed_in_body,
    "one byte short": injections.one_byte_short,
    "length too large": injections.large_content_length,
    "torn chunk": injections.torn_chunks,
    "short body": injections.short_body,
    "no body": injections.no_body,
    "long body": injections.long_body,
    "a bit flipped": injections.wrong_bytes,
    "stalled body": injections.stalled_body,
    "silence": injections.silent,
    "trickle": injections.trickle,
    "429": refused(429),
    "500": refused(500),
    "503 with a pause": refused(503, Retry_After="5"),
    "expired": injections.expired,
}


def nth_requests(fault: Fault, which: set[int]) -> Plan:
    """The requests for the big blob with these numbers are struck, whatever part they are for."""
    tree = big_tree()

    def plan(asked: Asked) -> Fault | None:
        is_meant = big_blob(tree) in asked.path and kind_of(asked) == "cdn"
        return fault if is_meant and asked.turn in which else None

    return plan


@pytest.mark.slow
@pytest.mark.parametrize("which", [{0}, {1}, {1, 2, 3}], ids=["first", "second", "three"])
@pytest.mark.parametrize("fault", PASSING)
async def test_a_fault_in_a_part_costs_no_blob(data: Path, fault: str, which: set[int]) -> None:
    """One part, or three at once, fail; the blob is had, right to the last byte."""
    if which == {1, 2, 3} and fault in {"a bit flipped", "short body", "no body", "long body", "expired"}:
        which = {1}  # wrong bytes are asked for again once only
    habits: dict[str, Any] = {"redirects_from": 1 << 20}
    async with campaign(data, nth_requests(PASSING[fault], which), Habits(**habits), big_tree()) as run:
        summary = await run.run(**IN_PARTS)
        run.assert_whole()
        assert summary.stopped is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("a bit flipped", {"digest_mismatch"}),
        ("short body", {"size_mismatch"}),
        ("long body", {"size_mismatch"}),
        ("closed before the answer", {"network"}),
        ("silence", {"timeout"}),
        ("500", {"server_error"}),
        ("429", {"abuse_limit"}),
        ("expired", {"unexpected_answer"}),
    ],
)
async def test_a_big_blob_that_cannot_be_had_costs_its_image_alone(
    data: Path, fault: str, reason: set[str]
) -> None:
    """Parts and the whole alike are struck, always."""
    tree = big_tree()
    plan = always(PASSING[fault], big_blob(tree), "cdn")
    async with campaign(data, plan, Habits(redirects_from=1 << 20), tree) as run:
        await run.run(http={} if fault == "silence" else UNHURRIED, **IN_PARTS)
        states = run.images()
        assert states["a/victim"] in reason
        assert states["a/base"] == "done"
        run.origin.plan = lambda _asked: None
        await run.run(retry_failed=True, **IN_PARTS)
        run.assert_whole()
