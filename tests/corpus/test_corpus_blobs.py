"""The content-addressed store: verified before named, resumable, never half there."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import itertools
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.blobs import BlobStore
from corpus.layout import Layout
from corpus.partial import PartialFile
from corpus.receiver import Receiver
from registry.digests import Digest
from registry.errors import Reason, RegistryError


class SmallBatches(BlobStore):
    """A store that writes a batch whenever so few bytes are there."""

    def __init__(self, layout: Layout, batch_bytes: int) -> None:
        super().__init__(layout)
        self._bytes = batch_bytes

    @property
    def batch_bytes(self) -> int:
        return self._bytes


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "data")
    layout.ensure()
    return layout


@pytest.fixture
def store(layout: Layout) -> BlobStore:
    return BlobStore(layout)


async def receive(store: BlobStore, digest: Digest, chunks: list[bytes], size: int | None) -> int:
    async with store.receive(digest, size) as receiver:
        with receiver.part() as part:
            for chunk in chunks:
                await part.write(chunk)
        return await receiver.commit()


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


async def test_a_received_blob_lies_under_its_digest(store: BlobStore, layout: Layout) -> None:
    """The name of a file is the sha256 of its bytes, and nothing is left beside it."""
    data = b"layer" * 1000
    digest = Digest.of(data)
    assert await receive(store, digest, [data[:7], data[7:]], len(data)) == len(data)
    assert layout.blob(digest).read_bytes() == data
    assert files(layout.partial) == []


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
async def test_every_algorithm_of_hashlib_is_verified(
    store: BlobStore, layout: Layout, algorithm: str
) -> None:
    """A digest of another registered algorithm has a folder of its own."""
    digest = Digest.of(b"x", algorithm)
    await receive(store, digest, [b"x"], 1)
    assert layout.blob(digest) == layout.root / "blobs" / algorithm / digest.encoded
    assert layout.blob(digest).exists()


@pytest.mark.parametrize(
    ("chunks", "size", "reason"),
    [
        ([b"abc"], 4, Reason.SIZE_MISMATCH),
        ([b"abc", b"de"], 4, Reason.SIZE_MISMATCH),
        ([b"abcX"], 4, Reason.DIGEST_MISMATCH),
        ([b"abcX"], None, Reason.DIGEST_MISMATCH),
    ],
    ids=["one byte short", "one byte long", "one byte changed", "changed, size unknown"],
)
async def test_wrong_bytes_are_a_typed_failure_and_leave_no_file(
    store: BlobStore, layout: Layout, chunks: list[bytes], size: int | None, reason: Reason
) -> None:
    """Short, long and changed bodies are three failures, and none of them leaves anything behind."""
    digest = Digest.of(b"abcd")
    with pytest.raises(RegistryError) as caught:
        await receive(store, digest, chunks, size)
    assert caught.value.reason is reason
    assert not caught.value.temporary
    assert store.size(digest) is None
    assert files(layout.partial) == []


async def test_an_interrupted_download_goes_on_where_it_broke_off(layout: Layout) -> None:
    """The partial file of one process is hashed and continued by the next."""
    data = bytes(range(256)) * 8192
    digest = Digest.of(data)
    with pytest.raises(ConnectionError):
        async with BlobStore(layout).receive(digest, len(data)) as receiver:
            with receiver.part() as part:
                await part.write(data[:1_500_000])
                raise ConnectionError
    async with BlobStore(layout).receive(digest, len(data)) as receiver:
        [gap] = receiver.missing()
        assert gap == (1_500_000, len(data))
        with receiver.part(*gap) as part:
            await part.write(data[1_500_000:])
        await receiver.commit()
    assert layout.blob(digest).read_bytes() == data


async def test_a_receiver_that_restarts_forgets_what_came(store: BlobStore, layout: Layout) -> None:
    """A server that sends the whole blob instead of the rest does no harm."""
    digest = Digest.of(b"whole")
    layout.partial_blob(digest).write_bytes(b"wh")
    async with store.receive(digest, 5) as receiver:
        await receiver.restart()
        with receiver.part() as part:
            await part.write(b"whole")
        await receiver.commit()
    assert layout.blob(digest).read_bytes() == b"whole"


async def test_a_partial_file_longer_than_the_blob_is_dropped(store: BlobStore, layout: Layout) -> None:
    """What cannot be a prefix is not resumed."""
    digest = Digest.of(b"abc")
    layout.partial_blob(digest).write_bytes(b"abcdef")
    async with store.receive(digest, 3) as receiver:
        assert receiver.here == 0


async def test_cancelling_while_a_thread_writes_loses_and_doubles_nothing(layout: Layout) -> None:
    """A cancelled receiver leaves exactly a prefix of the blob behind."""
    data = hashlib.sha256(b"seed").digest() * 200_000
    digest = Digest.of(data)
    started = asyncio.Event()

    async def download() -> None:
        async with BlobStore(layout).receive(digest, len(data)) as receiver:
            with receiver.part() as part:
                for start in range(0, len(data), 1 << 20):
                    started.set()
                    await part.write(data[start : start + (1 << 20)])

    task = asyncio.create_task(download())
    await started.wait()
    await asyncio.sleep(0)  # noqa: TID251 - gives the loop one turn, waits for nothing
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    left = layout.partial_blob(digest).read_bytes()
    assert data.startswith(left)


async def test_a_damaged_blob_is_found_and_removed(store: BlobStore, layout: Layout) -> None:
    """A file that nobody recorded is believed only after its bytes hash to its name."""
    digest = store.put(b"good")
    assert await store.verify(digest)
    layout.blob(digest).write_bytes(b"goof")
    assert not await store.verify(digest)
    assert store.size(digest) is None


@given(chunks=st.lists(st.binary(max_size=50), max_size=20))
def test_any_chunking_gives_the_same_blob(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes]
) -> None:
    """How the bytes come does not matter."""
    layout = Layout(tmp_path_factory.mktemp("data"))
    layout.ensure()
    data = b"".join(chunks)
    digest = Digest.of(data)
    asyncio.run(receive(BlobStore(layout), digest, chunks, len(data)))
    assert layout.blob(digest).read_bytes() == data


async def test_sweeping_removes_what_nobody_resumed(store: BlobStore, layout: Layout) -> None:
    """After a whole run no partial file is left."""
    layout.partial_blob(Digest.of(b"abandoned")).write_bytes(b"aban")
    assert store.sweep() == 1
    assert files(layout.partial) == []


async def test_sweeping_removes_maps_too(store: BlobStore, layout: Layout) -> None:
    """A map lies beside every file whose bytes came out of order."""
    async with store.receive(Digest.of(b"abandoned"), 9) as receiver:
        with receiver.part(4, 9) as part:
            await part.write(b"doned")
    name = layout.partial_blob(Digest.of(b"abandoned")).name
    assert files(layout.partial) == [name, f"{name}.map"]
    assert store.sweep() == 2
    assert files(layout.partial) == []


@given(
    order=st.permutations(range(6)), cuts=st.lists(st.integers(0, 99), max_size=3), batch=st.integers(1, 120)
)
def test_parts_that_come_in_any_order_are_hashed_in_the_right_one(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], cuts: list[int], batch: int
) -> None:
    """Several at a time, in batches of any size, each broken off and resumed anywhere."""
    layout = Layout(tmp_path_factory.mktemp("data"))
    layout.ensure()
    data = hashlib.sha512(b"parts").digest() * 10 + b"odd"
    digest, pieces = Digest.of(data), [*range(0, 600, 100), len(data)]

    async def bring(receiver: Receiver, start: int, end: int) -> None:
        edges = sorted({start, end, *(start + cut for cut in cuts if start + cut < end)})
        for first, last in itertools.pairwise(edges):
            with receiver.part(first, last) as part:
                for at in range(first, last, 17):
                    await part.write(data[at : min(at + 17, last)])

    async def receive_parts() -> None:
        store = SmallBatches(layout, batch)
        async with store.receive(digest, len(data)) as receiver:
            await asyncio.gather(*(bring(receiver, pieces[each], pieces[each + 1]) for each in order))
            assert receiver.missing() == []
            assert await receiver.commit() == len(data)

    asyncio.run(receive_parts())
    assert layout.blob(digest).read_bytes() == data
    assert files(layout.partial) == []


@pytest.mark.parametrize("parts", [1, 64, 256])
async def test_memory_does_not_grow_with_the_blobs_on_their_way(store: BlobStore, parts: int) -> None:
    """The more there are, the smaller are their batches; one gathers while one is written."""
    async with AsyncExitStack() as stack:
        for number in range(parts):
            receiver = await stack.enter_async_context(store.receive(Digest.of(bytes([number])), None))
            stack.enter_context(receiver.part())
        assert 2 * parts * store.batch_bytes <= 64 << 20
        assert store.batch_bytes <= 1 << 20
    assert store.parts_open == 0


async def test_a_body_that_comes_byte_by_byte_is_written_before_its_pieces_fill_the_memory(
    layout: Layout,
) -> None:
    """Each piece costs forty times its byte."""
    digest = Digest.of(b"x")
    async with BlobStore(layout).receive(digest, 100_000) as receiver:
        with receiver.part() as part:
            for _ in range(5_000):
                await part.write(b"x")
            assert layout.partial_blob(digest).stat().st_size > 3_000


async def test_a_gap_is_no_blob(store: BlobStore, layout: Layout) -> None:
    """Where nobody told the size, the last byte may be here and others not."""
    digest = Digest.of(b"abcd")
    with pytest.raises(RegistryError) as caught:
        async with store.receive(digest, None) as receiver:
            with receiver.part(2) as part:
                await part.write(b"cd")
            await receiver.commit()
    assert caught.value.reason is Reason.SIZE_MISMATCH
    assert files(layout.partial) == []


async def test_what_could_not_be_written_is_never_taken_for_there(
    store: BlobStore, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk was full for a moment, while no one looked: commit tells, and the gap stays a gap."""
    data = b"0123456789"
    digest = Digest.of(data)
    write = PartialFile.write

    def full_once(file: PartialFile, offset: int, pieces: list[bytes]) -> None:
        if offset == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(file, offset, pieces)

    with monkeypatch.context() as patched:
        patched.setattr(PartialFile, "write", full_once)
        with pytest.raises(OSError, match="No space"):
            async with SmallBatches(layout, 2).receive(digest, len(data)) as receiver:
                for start in range(0, 10, 2):
                    with receiver.part(start, start + 2) as part:
                        await part.write(data[start : start + 2])
                await receiver.commit()
    async with store.receive(digest, len(data)) as receiver:
        assert receiver.missing() == [(4, 6)]


@pytest.mark.parametrize(("begin", "end"), [(0, 2_048), (1_000, 2_048), (1_000, 1_500), (1_050, 1_800)])
async def test_bytes_that_are_hashed_are_never_written_over(layout: Layout, begin: int, end: int) -> None:
    """A server that was asked for a gap may send what is behind it again, and false."""
    data = bytes(range(256)) * 8
    digest = Digest.of(data)
    async with BlobStore(layout).receive(digest, len(data)) as receiver:
        for span in ((0, 1_000), (1_100, 1_600)):
            with receiver.part(*span) as part:
                await part.write(data[slice(*span)])
    false = data[:1_100] + bytes(500) + data[1_600:]
    async with SmallBatches(layout, 1).receive(digest, len(data)) as receiver:
        with receiver.part(1_000) as part:
            await part.write(data[1_000:1_100])
        with receiver.part(begin) as part:
            for start in range(begin, end, 70):
                await part.write(false[start : min(start + 70, end)])
        for gap in receiver.missing():
            with receiver.part(*gap) as part:
                await part.write(data[gap.start : gap.end])
        await receiver.commit()
    assert layout.blob(digest).read_bytes() == data
