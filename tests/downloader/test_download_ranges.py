"""How a large blob is divided, decided from plain values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.spans import Span, Spans
from downloader.ranges import PartHosts, Parts, parse_content_range

MIB = 1 << 20
sizes = st.integers(1, 1 << 36)


@given(sizes, st.integers(1, 16), st.lists(st.integers(0, 1 << 36), max_size=6))
def test_a_part_lies_at_the_beginning_of_the_first_gap(size: int, parallel: int, edges: list[int]) -> None:
    """It is no larger than the gap, nor than the largest part, and no smaller than the smallest."""
    cuts = sorted(edge for edge in edges if edge < size)
    here = Spans(Span(start, end) for start, end in zip(cuts[::2], cuts[1::2], strict=False))
    gaps, parts = here.gaps(size), Parts(parallel)
    part = parts.next(gaps)
    assert part is not None or not gaps
    if part is not None:
        assert part.start == gaps[0].start
        assert part.end <= gaps[0].end
        assert 0 < part.length <= 64 * MIB
        assert part.length >= 8 * MIB or part.end == gaps[0].end


@given(st.integers(64 * MIB, 1 << 36), st.integers(2, 16))
def test_parts_become_smaller_towards_the_end(size: int, parallel: int) -> None:
    """So that no connection is busy long after the others."""
    parts, here, lengths = Parts(parallel), Spans(), list[int]()
    while (part := parts.next(here.gaps(size))) is not None:
        lengths.append(part.length)
        here.add(*part)
    assert lengths == sorted(lengths, reverse=True)
    assert max(lengths) <= max(8 * MIB, size / (2 * parallel))
    assert here.total == size


@pytest.mark.parametrize(
    ("brought", "others", "is_slow"),
    [
        (0, [8 * MIB, 9 * MIB, 10 * MIB], True),
        (900_000, [9 * MIB, 9 * MIB], True),
        (1_000_000, [9 * MIB, 9 * MIB], False),
        (0, [8 * MIB - 1, 8 * MIB - 1, 64 * MIB], False),
        (0, [1, 1, 64 * MIB], False),
        (0, [64 * MIB], True),
        (0, [], False),
    ],
    ids=["silent", "under a tenth", "over a tenth", "too early", "one is fast", "two alone", "alone"],
)
def test_a_straggler_brings_under_a_tenth_of_what_is_usual(
    brought: int, others: list[int], *, is_slow: bool
) -> None:
    """The median of the others, once that is as much as a part."""
    assert Parts(4).is_straggler(brought, others) is is_slow


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bytes 0-0/1", ((0, 1), 1)),
        ("bytes 010-020/030", ((10, 21), 30)),
        ("bytes 1000-1010/*", ((1000, 1011), None)),
        ("", None),
        ("bytes 1*2/3", None),
        ("bytes 1-2", None),
        ("bytes 1-2/3a", None),
        ("bytes 5-4/9", None),
        ("bytes 1-2/3, bytes 1-2/3", None),
        ("bytes \u0661-\u0662/\u0663", None),
        (f"bytes 0-{'9' * 20}/{'9' * 20}", None),
    ],
)
def test_content_ranges_are_read_as_the_rfc_writes_them(text: str, expected: object) -> None:
    """RFC 9110 section 14.4; the first rows are those of other clients' tests."""
    assert parse_content_range(text) == expected


def test_what_a_host_did_holds_for_whoever_leads_to_it() -> None:
    """The registry redirects to its store: the store is what serves parts or does not."""
    hosts = PartHosts()
    assert hosts.serves("registry") is None
    hosts.note("registry", "store", serves=True)
    hosts.note("mirror", "store", serves=False)
    assert hosts.serves("registry") is False
    hosts.note("registry", "other", serves=True)
    assert hosts.serves("registry") is True
    hosts.distrust("registry")
    assert (hosts.serves("registry"), hosts.serves("mirror")) == (False, False)


def test_no_number_of_hosts_fills_the_memory() -> None:
    """Each manifest may name a new one."""
    hosts = PartHosts()
    for number in range(5_000):
        hosts.note(f"asked {number}", f"host {number}", serves=False)
    assert hosts.serves("asked 4999") is False
    assert len(hosts._led_to) + len(hosts._serving) < 3_000
