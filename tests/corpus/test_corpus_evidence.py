"""Answers that were not what they should be are kept, each body once, and not without end."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from contextlib import closing

import pytest

from corpus.catalog import Catalog
from corpus.layout import Layout
from tests.corpus.conftest import REGISTRY


async def keep(catalog: Catalog, number: int = 0, reason: str = "search: shape", body: bytes = b"{}") -> bool:
    url = f"http://site/{number}"
    return await catalog.evidence.keep(REGISTRY, url, status=200, reason=reason, body=body, now=5.0)


async def test_body_is_a_file_and_its_row_says_where_it_came_from(catalog: Catalog, layout: Layout) -> None:
    assert await keep(catalog, body=b"odd")
    sha256 = hashlib.sha256(b"odd").hexdigest()
    assert (layout.evidence / sha256).read_bytes() == b"odd"
    with closing(sqlite3.connect(layout.catalog)) as connection:
        rows = connection.execute("select url, status, reason, body_sha256, seen_at from evidence").fetchall()
    assert rows == [("http://site/0", 200, "search: shape", sha256, 5.0)]


async def test_same_body_may_come_many_times_at_once(catalog: Catalog, layout: Layout) -> None:
    assert all(await asyncio.gather(*(keep(catalog, number) for number in range(10))))
    assert len(list(layout.evidence.iterdir())) == 1


@pytest.mark.slow
async def test_no_more_of_a_kind_is_kept_than_is_of_use(catalog: Catalog) -> None:
    kept = [await keep(catalog, number) for number in range(102)]
    assert kept == [True] * 100 + [False] * 2
    assert await keep(catalog, reason="search: challenge")
