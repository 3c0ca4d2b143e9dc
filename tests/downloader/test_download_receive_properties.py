"""Whatever a server does: the right bytes or a typed failure, after a bounded number of requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from corpus.blobs import BlobStore
from corpus.layout import Layout
from downloader.plan import is_of_the_bytes
from downloader.ranges import Parts
from downloader.receive import receive_blob
from downloader.wanted import Means
from registry.client import RegistryClient
from registry.descriptors import Descriptor
from registry.digests import Digest
from registry.errors import Reason, RegistryError
from registry.transport.bodies import Stream
from tests.downloader.runs import files

DATA = bytes(range(200))
ATTEMPTS = 4
PARTS = Parts(parallel=3, from_bytes=50, smallest_bytes=16, largest_bytes=64)
MOST_PARTS = len(DATA) // 16 + 1


@dataclass(frozen=True)
class Turn:
    """What the server does with one request.

    Attributes:
        status: 206 honours a range, 200 ignores it, anything else refuses.
        shift: Added to the start that a part claims to have.
        length: Bytes sent.
        is_cut: Whether the connection is lost after them.
        is_changed: Whether the bytes are others.
    """

    status: int
    shift: int
    length: int
    is_cut: bool
    is_changed: bool


@dataclass
class Moody:
    """Stands for a registry; after its turns it is honest, or stays as it is."""

    turns: Iterator[Turn]
    asked: int = 0
    name: str = "moody"

    @asynccontextmanager
    async def blob(
        self, _repository: str, _digest: str, *, offset: int = 0, end: int | None = None
    ) -> AsyncIterator[Stream]:
        self.asked += 1
        turn = next(self.turns)
        if turn.status not in {200, 206}:
            error = RegistryError(Reason.UNEXPECTED_ANSWER, "no", status=turn.status)
            error.attempts = 1
            raise error
        start = offset + turn.shift if turn.status == 206 else 0
        content = DATA[::-1] if turn.is_changed else DATA
        body = content[max(start, 0) : None if end is None else end + 1][: turn.length]
        last = len(DATA) - 1 if end is None else end
        headers = {"Content-Range": f"bytes {max(start, 0)}-{last}/{len(DATA)}"} if turn.status == 206 else {}
        proxy = CIMultiDictProxy(CIMultiDict(headers))
        yield Stream(turn.status, proxy, "http://x/", len(DATA), self._chunks(body, turn))

    async def _chunks(self, body: bytes, turn: Turn) -> AsyncIterator[bytes]:
        for start in range(0, len(body), 64):
            yield body[start : start + 64]
        if turn.is_cut:
            raise RegistryError(Reason.NETWORK, "the body broke off", temporary=True)


turns = st.builds(
    Turn,
    status=st.sampled_from([200, 206, 206, 416, 400, 404]),
    shift=st.sampled_from([0, 0, 0, 1, -1]),
    length=st.integers(0, len(DATA)) | st.just(len(DATA)),
    is_cut=st.booleans(),
    is_changed=st.sampled_from([False, False, True]),
)


@pytest.mark.slow
@given(
    before=st.lists(turns, max_size=6),
    always=turns,
    left=st.binary(max_size=20) | st.integers(0, len(DATA)).map(lambda size: DATA[:size]),
    is_size_known=st.booleans(),
    is_divided=st.booleans(),
)
def test_no_server_makes_us_keep_wrong_bytes_or_ask_for_ever(
    tmp_path_factory: pytest.TempPathFactory,
    before: list[Turn],
    always: Turn,
    left: bytes,
    *,
    is_size_known: bool,
    is_divided: bool,
) -> None:
    """In the store are the right bytes or none; where they are wrong no partial file is left either."""
    layout = Layout(tmp_path_factory.mktemp("data"))
    layout.ensure()
    digest = Digest.of(DATA)
    layout.partial_blob(digest).write_bytes(left)
    server = Moody(iter([*before, *[always] * 100]))
    descriptor = Descriptor("", digest, len(DATA) if is_size_known else None)
    client = cast("RegistryClient", server)

    async def receive() -> RegistryError | None:
        store = BlobStore(layout)
        parts = PARTS if is_divided else Parts()
        try:
            await receive_blob(
                store, client, "a/b", descriptor, Means(ATTEMPTS, 10_000, parts, asyncio.Semaphore(2))
            )
        except RegistryError as error:
            return error
        return None

    error = asyncio.run(receive())
    assert server.asked <= 2 * (ATTEMPTS + 2) + (2 * MOST_PARTS if is_divided else 0)
    if error is None:
        assert layout.blob(digest).read_bytes() == DATA
    else:
        assert not layout.blob(digest).exists()
    if error is None or is_of_the_bytes(error.reason):
        assert files(layout.partial) == {}
