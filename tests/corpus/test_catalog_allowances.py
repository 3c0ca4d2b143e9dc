"""What limits must know of earlier runs."""

from __future__ import annotations

from corpus.catalog import Catalog, open_catalog
from corpus.layout import Layout
from registry.transport.allowance import Block
from registry.transport.memory import Memory
from registry.transport.quota import Quota


async def test_requests_are_kept_changed_and_forgotten(catalog: Catalog, layout: Layout) -> None:
    memory: Memory = catalog.allowances
    assert await memory.requests() == []
    await memory.record_requests([Block(1, 10.5, 20.25, 5), Block(2, 30, 40, 6)], [])
    await memory.record_requests([Block(2, 30, 35, 4), Block(3, 35, 45, 7)], [1, 99])
    async with open_catalog(layout) as other:
        assert await other.allowances.requests() == [Block(2, 30.0, 35.0, 4), Block(3, 35.0, 45.0, 7)]


async def test_many_requests_are_forgotten_at_once(catalog: Catalog) -> None:
    """More than a statement of SQLite may name."""
    blocks = [Block(number, number, number + 1, 1) for number in range(40_000)]
    await catalog.allowances.record_requests(blocks, [])
    await catalog.allowances.record_requests([], range(39_999))
    assert await catalog.allowances.requests() == blocks[-1:]


async def test_a_quota_is_kept_by_host_and_account(catalog: Catalog, layout: Layout) -> None:
    memory: Memory = catalog.allowances
    assert await memory.quota("registry-1.docker.io", "") is None
    await memory.record_quota("registry-1.docker.io", "", Quota(100, 20, 21_600, 1.5))
    await memory.record_quota("registry-1.docker.io", "me", Quota(None, 7, None, 2.5))
    await memory.record_quota("registry-1.docker.io", "", Quota(100, 19, 21_600, 3.5))
    async with open_catalog(layout) as other:
        assert await other.allowances.quota("registry-1.docker.io", "") == Quota(100, 19, 21_600, 3.5)
        assert await other.allowances.quota("registry-1.docker.io", "me") == Quota(None, 7, None, 2.5)
